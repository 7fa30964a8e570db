// The bytes of one blob from an offset on. A broken connection is taken up again where it broke, so that the reader
// sees one stream; what the server sends of bytes that are not wanted (an ignored Range) is skipped.
import { Failure, isFailure } from '../errors.ts'
import type { Descriptor } from '../image/descriptor.ts'
import { withDeadline } from './body.ts'
import { connectionFailure, replyFailure } from './registry-failure.ts'
import { backoffMs, mayPassError, pause, type Backoff } from './retry.ts'
import type { Reply } from './transport.ts'

export interface BlobRequest {
  readonly descriptor: Descriptor
  readonly offsetBytes: number
  readonly signal?: AbortSignal | undefined
  /** Sends a GET with these headers. */
  readonly get: (headers: Record<string, string>) => Promise<Reply>
  readonly host: string
  readonly what: string
  readonly backoff: Backoff
  readonly idleMs: number
}

/** This much progress makes a connection worth taking up again at once, as if nothing had failed before. */
const PROGRESS_BYTES = 1024 * 1024

interface Opened {
  readonly reply: Reply
  /** Bytes to drop before the wanted ones. */
  readonly skipBytes: number
}

const invalid = ({ what, descriptor }: BlobRequest, why: string): Failure =>
  new Failure('invalid', `${what}: blob ${descriptor.digest}: ${why}`)

/** Opens the stream: the first reply's failures come from here, later ones from the iteration. */
export async function openBlob(request: BlobRequest): Promise<AsyncIterable<Uint8Array>> {
  if (request.offsetBytes >= request.descriptor.size) return noBytes()
  return chunks(request, await openAt(request, request.offsetBytes))
}

async function* noBytes(): AsyncGenerator<Uint8Array> {}

async function openAt(request: BlobRequest, offset: number, etag?: string): Promise<Opened> {
  const headers: Record<string, string> = offset === 0 ? {} : { range: `bytes=${offset}-`, ...(etag && { 'if-range': etag }) }
  let reply = await request.get(headers)
  if (reply.status === 416) {
    reply.body.destroy()
    reply = await request.get({})
  }
  const { size } = request.descriptor
  if (reply.status !== 200 && reply.status !== 206) throw await replyFailure(reply, request.host, request.what)
  const encoding = reply.headers['content-encoding']
  const start = reply.status === 206 ? rangeStart(reply.headers['content-range'], size) : 0
  const length = reply.headers['content-length']
  const wrong = encoding !== undefined && encoding !== 'identity' ? `the server compresses it (content encoding "${encoding.slice(0, 40)}"), though it was asked for as it is`
    : start === undefined || start > offset ? 'the registry sent another range than was asked for'
    : length !== undefined && Number(length) !== size - start ? `the registry has ${Number(length) + start} bytes of it, the manifest says ${size}`
    : undefined
  if (wrong === undefined) return { reply, skipBytes: offset - start! }
  reply.body.destroy()
  throw invalid(request, wrong)
}

/** First byte of `bytes A-B/TOTAL`; undefined when it isn't the rest of `size` bytes. */
function rangeStart(header: string | undefined, size: number): number | undefined {
  const parts = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/.exec(header ?? '')
  return parts && Number(parts[2]) === size - 1 && (parts[3] === '*' || Number(parts[3]) === size) ? Number(parts[1]) : undefined
}

async function* chunks(request: BlobRequest, opened: Opened): AsyncGenerator<Uint8Array> {
  const { descriptor: { size }, signal, backoff } = request
  let position = request.offsetBytes
  let failures = 0
  for (;;) {
    const from = position
    const etag = opened.reply.headers.etag
    let broken: unknown
    try {
      let skip = opened.skipBytes
      for await (const chunk of withDeadline(opened.reply.body, request.idleMs)) {
        const wanted = skip === 0 ? chunk : chunk.subarray(skip)
        skip = Math.max(0, skip - chunk.length)
        if (wanted.length === 0) continue
        position += wanted.length
        if (position > size) throw invalid(request, `the registry sends more than the ${size} bytes of the manifest`)
        yield wanted
      }
      if (position === size) return
      broken = Object.assign(new Error('the body ended early'), { code: 'ECONNRESET' })
    } catch (error) {
      broken = error
    }
    if (signal?.aborted) throw new Failure('cancelled', `${request.what}: cancelled`, { cause: signal.reason })
    if (isFailure(broken) || !canResume(broken)) throw connectionFailure(broken, request.host, request.what)
    failures = position - from >= PROGRESS_BYTES ? 0 : failures + 1
    if (failures > backoff.retries) throw connectionFailure(broken, request.host, request.what)
    if (failures > 0) await pause(backoffMs(backoff, failures), signal).catch((error: unknown) => { throw connectionFailure(error, request.host, request.what) })
    opened = await openAt(request, position, etag?.startsWith('W/') ? undefined : etag)
  }
}

const canResume = (error: unknown): boolean =>
  mayPassError(error, true) || (error as { message?: unknown }).message === 'aborted'
