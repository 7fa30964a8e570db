// Diagnostics for people: one line each on standard error. Never for a command's output.

export const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'panic'] as const
export type LogLevel = (typeof LEVELS)[number]

/** One for all bundles of the process, each of which has a copy of this module. */
const shared = ((globalThis as unknown as Record<symbol, { threshold: number }>)[Symbol.for('scow.log')] ??= { threshold: LEVELS.indexOf('warn') })

/** Lines below `level` are dropped from now on. */
export const setLogLevel = (level: LogLevel): void => { shared.threshold = LEVELS.indexOf(level) }

/** Whether lines of this level are shown. */
export const isShown = (level: LogLevel): boolean => LEVELS.indexOf(level) >= shared.threshold

const write = (level: LogLevel, text: string): void => {
  if (isShown(level)) process.stderr.write(`${level}: ${text}\n`)
}

export const log = {
  debug: (text: string): void => write('debug', text),
  info: (text: string): void => write('info', text),
  warn: (text: string): void => write('warn', text),
  error: (text: string): void => write('error', text),
}
