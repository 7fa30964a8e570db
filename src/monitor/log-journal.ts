// Logs in the systemd journal, read by its own tool: journalctl(1), systemd.journal-fields(7).
import { closeSync } from 'node:fs'
import { Failure } from '../errors.ts'
import { startChild, type Child } from '../process/child.ts'
import { pipe } from '../sys/addon.ts'
import { LineSplitter } from './log-reader.ts'
import type { LogLine } from './log-line.ts'
import type { ReadLogsOptions } from './logs.ts'
import { makeReader } from './socket.ts'

const POLL_MS = 500

/** Lines of one container in order; `follow` asks again from the last cursor on. */
export async function* readJournal(id: string, { tail, sinceNs, follow, alive, signal }: ReadLogsOptions): AsyncGenerator<LogLine> {
  let cursor: string | undefined
  for (;;) {
    // Asked before the journal is: what was written before the end is read after it.
    const over = !follow || !(await (alive?.() ?? true))
    const range = cursor !== undefined ? ['--after-cursor', cursor]
      : [...(tail === undefined ? [] : ['--lines', String(tail)]), ...(sinceNs === undefined ? [] : ['--since', `@${sinceNs / 1_000_000_000n}`])]
    for await (const entry of entries([...range, `CONTAINER_ID_FULL=${id}`])) {
      cursor = entry.cursor ?? cursor
      if (entry.line) yield entry.line
      if (signal?.aborted) return
    }
    if (over || signal?.aborted) return
    await pause(signal)
  }
}

const pause = (signal: AbortSignal | undefined): Promise<void> => new Promise((resolve) => {
  const done = (): void => {
    clearTimeout(timer)
    signal?.removeEventListener('abort', done)
    resolve()
  }
  const timer = setTimeout(done, POLL_MS)
  signal?.addEventListener('abort', done, { once: true })
})

interface Entry { readonly cursor: string | undefined; readonly line: LogLine | undefined }

/** Read as they come: a journal may hold gigabytes of one container. */
async function* entries(args: readonly string[]): AsyncGenerator<Entry> {
  const output = pipe('read')
  const child = start(args, output)
  const reader = makeReader(output.read)
  const splitter = new LineSplitter()
  try {
    for (let chunk = await reader.read(); chunk; chunk = await reader.read())
      for (const line of splitter.push(chunk)) yield parseEntry(line.toString())
  } finally {
    reader.close()
    child.killGroup()
  }
  const { code } = await child.exited
  if (code !== 0) throw new Failure('unavailable', `the journal cannot be read: journalctl ended with code ${code}`)
}

const start = (args: readonly string[], output: { read: number; write: number }): Child => {
  try {
    return startChild('journalctl', ['--quiet', '--no-pager', '--output', 'json', '--all', ...args], { fds: [-1, output.write, -1] })
  } catch (cause) {
    closeSync(output.read)
    throw new Failure('unsupported', 'the journal cannot be read: journalctl is missing', { cause, hint: 'use --log-driver k8s-file on a host without systemd' })
  } finally {
    closeSync(output.write)
  }
}

interface Fields { MESSAGE?: unknown; PRIORITY?: unknown; CONTAINER_PARTIAL_MESSAGE?: unknown; __CURSOR?: unknown; __REALTIME_TIMESTAMP?: unknown }

/** A message that is no UTF-8 comes as an array of its bytes. */
export const parseEntry = (text: string): Entry => {
  let fields: Fields
  try {
    fields = JSON.parse(text) as Fields
  } catch {
    return { cursor: undefined, line: undefined }
  }
  const cursor = typeof fields.__CURSOR === 'string' ? fields.__CURSOR : undefined
  const message = Array.isArray(fields.MESSAGE) ? Buffer.from(fields.MESSAGE as number[]) : typeof fields.MESSAGE === 'string' ? Buffer.from(fields.MESSAGE) : undefined
  const micros = typeof fields.__REALTIME_TIMESTAMP === 'string' && /^\d{1,18}$/.test(fields.__REALTIME_TIMESTAMP) ? BigInt(fields.__REALTIME_TIMESTAMP) : undefined
  if (!message || micros === undefined) return { cursor, line: undefined }
  const time = `${new Date(Number(micros / 1000n)).toISOString().slice(0, -1)}${String(micros % 1000n).padStart(3, '0')}000Z`
  return { cursor, line: { time, timeNs: micros * 1000n, stream: fields.PRIORITY === '3' ? 'stderr' : 'stdout', text: message, partial: fields.CONTAINER_PARTIAL_MESSAGE === 'true' } }
}
