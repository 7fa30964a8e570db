// Signal names and numbers, as users and the OCI specification write them: Linux on every processor that we run on
// (signal(7)). Node's own table takes half a millisecond to load at each start.

const NAMES = [
  'HUP', 'INT', 'QUIT', 'ILL', 'TRAP', 'ABRT', 'BUS', 'FPE', 'KILL', 'USR1', 'SEGV', 'USR2', 'PIPE', 'ALRM', 'TERM', 'STKFLT', 'CHLD', 'CONT', 'STOP', 'TSTP',
  'TTIN', 'TTOU', 'URG', 'XCPU', 'XFSZ', 'VTALRM', 'PROF', 'WINCH', 'IO', 'PWR', 'SYS',
]
const OTHER_NAMES: Readonly<Record<string, number>> = { IOT: 6, POLL: 29 }
const RTMIN = 34
const RTMAX = 64

/** Without those of real time, `SIGHUP` first. */
export const SIGNAL_NAMES: readonly string[] = NAMES.map((name) => `SIG${name}`)

/** `TERM`, `sigterm`, `SIGTERM`, `15`, `RTMIN+3`, `RTMAX-1`, and 0 -> number; undefined for what is no signal. */
export function signalNumber(text: string): number | undefined {
  const number = /^\d+$/.test(text) ? Number(text) : fromName(text.toUpperCase().replace(/^SIG/, ''))
  return number === undefined || number < 0 || number > RTMAX ? undefined : number
}

function fromName(name: string): number | undefined {
  const realtime = /^RT(MIN|MAX)([+-]\d+)?$/.exec(name)
  if (realtime) return (realtime[1] === 'MIN' ? RTMIN : RTMAX) + Number(realtime[2] ?? 0)
  const at = NAMES.indexOf(name)
  return at < 0 ? OTHER_NAMES[name] : at + 1
}

/** 15 -> `SIGTERM`, 37 -> `SIGRTMIN+3`. */
export const signalName = (number: number): string =>
  SIGNAL_NAMES[number - 1] ?? (number === RTMIN ? 'SIGRTMIN' : `SIGRTMIN+${number - RTMIN}`)
