// Container logs as the CRI has them written: `TIME STREAM P|F TEXT`; files of docker's json-file are read too.
import { close as closeFile, fstatSync, openSync, readSync, statSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '../../errors.ts'

export interface LogLine {
  /** RFC 3339 with nanoseconds, as written. */
  readonly time: string
  readonly stream: 'stdout' | 'stderr'
  /** With its newline, unless the line goes on. */
  readonly bytes: Buffer
}

export interface LogRange {
  /** Only so many of the last lines; negative: all. */
  readonly tail?: number | undefined
  readonly sinceMs?: number | undefined
  /** Goes on until this says no; absent: to the end of the file. */
  readonly isRunning?: (() => Promise<boolean>) | undefined
  readonly signal: AbortSignal
}

const BLOCK = 64 * 1024
const POLL_MS = 100
/** How often the runtime is asked whether more may come. */
const ASK_MS = 250

/** @throws Failure notFound, denied */
export async function* readLog(path: string, { tail = -1, sinceMs, isRunning, signal }: LogRange): AsyncGenerator<LogLine> {
  let file = openLog(path)
  try {
    let position = tail >= 0 ? tailPosition(file, tail) : 0
    let rest: Buffer = Buffer.alloc(0)
    let askAfter = 0
    let isLast = isRunning === undefined
    for (;;) {
      const block = Buffer.allocUnsafe(BLOCK)
      const count = readSync(file, block, 0, BLOCK, position)
      if (count > 0) {
        position += count
        const { lines, left } = splitLines(Buffer.concat([rest, block.subarray(0, count)]))
        rest = left
        for (const line of lines) {
          const parsed = parseLine(line)
          if (parsed && (sinceMs === undefined || Date.parse(parsed.time) >= sinceMs)) yield parsed
        }
        continue
      }
      const next = rotated(path, file)
      if (next !== undefined) { closeFile(file, () => {}); [file, position, rest] = [next, 0, Buffer.alloc(0)]; continue }
      if (isLast || signal.aborted) return
      if (Date.now() >= askAfter) {
        // what was written before the answer is still read
        isLast = !await isRunning!()
        askAfter = Date.now() + ASK_MS
        if (isLast) continue
      }
      await sleep(POLL_MS, undefined, { signal }).catch(() => {})
    }
  } finally {
    closeFile(file, () => {})
  }
}

function openLog(path: string): number {
  try {
    return openSync(path, 'r')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new Failure(code === 'ENOENT' ? 'notFound' : 'denied', `cannot read the log ${path}: ${code === 'ENOENT' ? 'it is not on this machine' : code}`, { cause: error, hint: 'the CRI gives no logs: run this on the node itself, as root; --follow shows what a running container writes from now on' })
  }
}

/** The new file where the path names another one now. */
function rotated(path: string, file: number): number | undefined {
  try {
    if (statSync(path).ino === fstatSync(file).ino) return undefined
    return openSync(path, 'r')
  } catch {
    return undefined
  }
}

function tailPosition(file: number, lines: number): number {
  let position = fstatSync(file).size
  let wanted = lines + 1
  const block = Buffer.allocUnsafe(BLOCK)
  if (lines === 0) return position
  while (position > 0) {
    const length = Math.min(BLOCK, position)
    position -= length
    readSync(file, block, 0, length, position)
    for (let at = length - 1; at >= 0; at--) if (block[at] === 0x0a && --wanted === 0) return position + at + 1
  }
  return 0
}

function splitLines(bytes: Buffer): { lines: Buffer[]; left: Buffer } {
  const lines: Buffer[] = []
  let from = 0
  for (let at = bytes.indexOf(0x0a); at >= 0; at = bytes.indexOf(0x0a, from)) {
    lines.push(bytes.subarray(from, at))
    from = at + 1
  }
  return { lines, left: bytes.subarray(from) }
}

const NEWLINE = Buffer.from('\n')

/** Undefined for what is no line of a log: half of one that a crash left. */
export function parseLine(line: Buffer): LogLine | undefined {
  if (line[0] === 0x7b) return parseJsonLine(line)
  const [first, second] = [line.indexOf(0x20), line.indexOf(0x20, line.indexOf(0x20) + 1)]
  const third = line.indexOf(0x20, second + 1)
  if (first < 0 || second < 0) return undefined
  const tagsEnd = third < 0 ? line.length : third
  const stream = line.toString('latin1', first + 1, second)
  const [tag] = line.toString('latin1', second + 1, tagsEnd).split(':')
  if ((stream !== 'stdout' && stream !== 'stderr') || (tag !== 'P' && tag !== 'F')) return undefined
  const text = line.subarray(Math.min(tagsEnd + 1, line.length))
  return { time: line.toString('latin1', 0, first), stream, bytes: tag === 'P' ? text : Buffer.concat([text, NEWLINE]) }
}

function parseJsonLine(line: Buffer): LogLine | undefined {
  try {
    const { log, stream, time } = JSON.parse(line.toString('utf8')) as { log?: unknown; stream?: unknown; time?: unknown }
    if (typeof log !== 'string' || typeof time !== 'string' || (stream !== 'stdout' && stream !== 'stderr')) return undefined
    return { time, stream, bytes: Buffer.from(log) }
  } catch {
    return undefined
  }
}

/** `…/2.log` of the second try becomes `…/1.log`. @throws Failure notFound */
export function previousLog(path: string, attempt: number, name: string): string {
  if (attempt === 0) throw new Failure('notFound', `container ${name} did not run before: its attempt is 0`)
  const slash = path.lastIndexOf('/')
  return `${path.slice(0, slash + 1)}${attempt - 1}${path.slice(path.lastIndexOf('.'))}`
}

/** The time as clients show it, runtimes write it in their own ways: nine digits, and Z for no offset. */
export const shownTime = ({ time }: LogLine): string => time.replace(/(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/, (_, digits = '', zone: string) => `.${digits.padEnd(9, '0')}${zone === '+00:00' ? 'Z' : zone}`)

export interface Named<T> { readonly name: string; readonly lines: AsyncGenerator<T> }

/** Lines of several logs, oldest first; each waits for the next line of every other that is not at its end. */
export async function* mergeByTime(logs: readonly Named<LogLine>[]): AsyncGenerator<{ readonly name: string; readonly line: LogLine }> {
  const heads = await Promise.all(logs.map(async ({ name, lines }) => ({ name, lines, head: (await lines.next()).value as LogLine | undefined })))
  for (;;) {
    const open = heads.filter(({ head }) => head !== undefined)
    if (open.length === 0) return
    const oldest = open.reduce((first, other) => (instant(other.head!.time) < instant(first.head!.time) ? other : first))
    yield { name: oldest.name, line: oldest.head! }
    oldest.head = (await oldest.lines.next()).value as LogLine | undefined
  }
}

const NS_PER_MS = 1_000_000n

function instant(time: string): bigint {
  const fraction = /\.(\d+)/.exec(time)?.[1] ?? ''
  const seconds = BigInt(Date.parse(time.replace(/\.\d+/, ''))) * NS_PER_MS
  return seconds + BigInt(fraction.padEnd(9, '0').slice(0, 9) || '0')
}
