// Logs in the systemd journal, read by its own tool: journalctl(1), systemd.journal-fields(7).
import { Failure } from '../errors.ts'
import { runProgram } from '../process/run-program.ts'
import type { LogLine } from './log-line.ts'
import type { ReadLogsOptions } from './logs.ts'

const POLL_MS = 500
const BATCH = 5000
const MAX_BATCH_BYTES = 256 * 2 ** 20

/** Lines of one container in order; `follow` asks again from the last cursor on. */
export async function* readJournal(id: string, { tail, sinceNs, untilNs, follow, alive, signal }: ReadLogsOptions): AsyncGenerator<LogLine> {
  let cursor: string | undefined
  let first = true
  for (;;) {
    const over = signal?.aborted || !follow || !(await (alive?.() ?? true))
    const entries = await query(id, { cursor, tail: first ? tail : undefined, signal })
    first = false
    for (const entry of entries) {
      cursor = entry.cursor
      const { line } = entry
      if (line && (sinceNs === undefined || line.timeNs >= sinceNs) && (untilNs === undefined || line.timeNs <= untilNs)) yield line
    }
    if (entries.length >= BATCH && tail === undefined) continue
    if (over) return
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

interface Entry { readonly cursor: string | undefined; readonly line: LogLine | undefined }

async function query(id: string, { cursor, tail, signal }: { cursor: string | undefined; tail: number | undefined; signal: AbortSignal | undefined }): Promise<Entry[]> {
  const args = ['--quiet', '--no-pager', '--output', 'json', '--all', ...(cursor ? ['--after-cursor', cursor] : []),
    ...(tail !== undefined ? ['--lines', String(tail)] : cursor ? ['--lines', `+${BATCH}`] : []), `CONTAINER_ID_FULL=${id}`]
  const { code, stdout, stderr } = await runProgram('journalctl', args, { timeoutMs: 60_000, maxOutputBytes: MAX_BATCH_BYTES, ...(signal ? { signal } : {}) })
    .catch((error: unknown) => { throw new Failure('unsupported', 'the journal cannot be read: journalctl is missing or failed', { cause: error, hint: 'use --log-driver k8s-file on a host without systemd' }) })
  if (code !== 0) throw new Failure('unavailable', `journalctl: ${stderr.toString().trim().split('\n')[0]}`)
  return stdout.toString('utf8').split('\n').filter(Boolean).map(parseEntry)
}

interface Fields { MESSAGE?: unknown; PRIORITY?: unknown; CONTAINER_PARTIAL_MESSAGE?: unknown; __CURSOR?: unknown; __REALTIME_TIMESTAMP?: unknown }

/** A message that is no UTF-8 comes as an array of its bytes. */
function parseEntry(text: string): Entry {
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
