// Diagnostics for people: one line each on standard error. Never for a command's output. A server's lines have fields.
import { tellPeople } from './write-all.ts'

export const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'panic'] as const
export type LogLevel = (typeof LEVELS)[number]

/** `logfmt`: `time=... level=... msg=...`. `json`: an object on each line. */
export const LOG_FORMATS = ['logfmt', 'json'] as const
export type LogFormat = (typeof LOG_FORMATS)[number]

export type LogFields = Readonly<Record<string, string | number>>

export interface LogSettings { threshold: number; format?: LogFormat | undefined }

/** One for all bundles of the process, each of which has a copy of this module. */
const shared = ((globalThis as unknown as Record<symbol, LogSettings>)[Symbol.for('scow.log')] ??= { threshold: LEVELS.indexOf('warn') })

/** Lines below `level` are dropped from now on. */
export const setLogLevel = (level: LogLevel): void => { shared.threshold = LEVELS.indexOf(level) }

/** Whether lines of this level are shown. */
export const isShown = (level: LogLevel): boolean => LEVELS.indexOf(level) >= shared.threshold

/** From now on, for a program that another one reads. */
export const setLogFormat = (format: LogFormat): void => { shared.format = format }

/** For a thread that logs as this one does. */
export const logSettings = (): LogSettings => ({ ...shared })
export const takeLogSettings = (settings: LogSettings): void => { Object.assign(shared, settings) }

const write = (level: LogLevel, text: string, fields: LogFields = {}, shownAs = level): void => {
  if (isShown(shownAs)) tellPeople(lineOf(level, text, fields))
}

function lineOf(level: LogLevel, text: string, fields: LogFields): string {
  if (shared.format === undefined) return `${level}: ${text}`
  const all = { time: new Date().toISOString(), level, msg: text, ...fields }
  return shared.format === 'json' ? JSON.stringify(all) : Object.entries(all).map(([name, value]) => `${name}=${quoted(String(value))}`).join(' ')
}

const quoted = (text: string): string => (/^[\w.:/@+-]+$/.test(text) ? text : JSON.stringify(text))

type Write = (text: string, fields?: LogFields) => void

export const log = {
  debug: ((text, fields) => write('debug', text, fields)) as Write,
  info: ((text, fields) => write('info', text, fields)) as Write,
  /** Of the level info, shown where warnings are: what an operator looks for. */
  notice: ((text, fields) => write('info', text, fields, 'warn')) as Write,
  warn: ((text, fields) => write('warn', text, fields)) as Write,
  error: ((text, fields) => write('error', text, fields)) as Write,
}
