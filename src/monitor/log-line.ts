// One line of a container's log in the two file formats.

export interface LogLine {
  /** As in the file, exact: RFC 3339 with nanoseconds and offset. */
  readonly time: string
  readonly timeNs: bigint
  readonly stream: 'stdout' | 'stderr'
  /** Without its newline. */
  readonly text: Buffer
  /** The line goes on in the next one of the same stream. */
  readonly partial: boolean
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.(\d{1,9}))?(?:Z|[+-]\d\d:\d\d)$/

/** Nanoseconds since 1970, or undefined for what is no RFC 3339 time. */
export function timeToNs(time: string): bigint | undefined {
  const match = TIME.exec(time)
  if (!match) return undefined
  const fraction = match[1] ?? ''
  const seconds = Date.parse(fraction ? time.replace(`.${fraction}`, '') : time)
  return Number.isNaN(seconds) ? undefined : BigInt(seconds) * 1_000_000n + BigInt(fraction.padEnd(9, '0'))
}

const SPACE = 0x20

/** `TIME stream P|F[:tags] text` (the CRI's and podman's k8s-file). Undefined for a line that makes no sense. */
export function parseK8sLine(line: Buffer): LogLine | undefined {
  const first = line.indexOf(SPACE)
  const second = line.indexOf(SPACE, first + 1)
  const third = line.indexOf(SPACE, second + 1)
  if (first < 0 || second < 0) return undefined
  const tags = line.toString('latin1', second + 1, third < 0 ? line.length : third)
  const time = line.toString('latin1', 0, first)
  const stream = line.toString('latin1', first + 1, second)
  const timeNs = timeToNs(time)
  if (timeNs === undefined || (stream !== 'stdout' && stream !== 'stderr') || !/^[PF](:|$)/.test(tags)) return undefined
  return { time, timeNs, stream, text: third < 0 ? Buffer.alloc(0) : line.subarray(third + 1), partial: tags.startsWith('P') }
}

/** docker's json-file: `{"log":"text\n","stream":"stdout","time":"..."}`. Undefined for a line that makes no sense. */
export function parseJsonLine(line: Buffer): LogLine | undefined {
  let value: { log?: unknown; stream?: unknown; time?: unknown }
  try {
    value = JSON.parse(line.toString('utf8')) as typeof value
  } catch {
    return undefined
  }
  if (typeof value?.log !== 'string' || typeof value.time !== 'string' || (value.stream !== 'stdout' && value.stream !== 'stderr')) return undefined
  const timeNs = timeToNs(value.time)
  if (timeNs === undefined) return undefined
  const partial = !value.log.endsWith('\n')
  return { time: value.time, timeNs, stream: value.stream, text: Buffer.from(partial ? value.log : value.log.slice(0, -1)), partial }
}
