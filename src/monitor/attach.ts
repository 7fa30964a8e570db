// Standard streams of a running process, through the sockets of its monitor.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { monotonicMs } from '../clock.ts'
import { Failure } from '../errors.ts'
import { connectUnix } from '../sys/addon.ts'
import { resizeTerminal } from './control.ts'
import { makeReader, makeWriter, type Reader, type Writer } from './socket.ts'

export interface Output {
  readonly stream: 'stdout' | 'stderr'
  readonly data: Buffer
}

export interface Attachment extends AsyncDisposable {
  /** In order, until the process has ended or the monitor has gone. Unread output holds the process back. One reader. */
  readonly output: AsyncIterableIterator<Output>
  /** Resolves when the monitor has taken it; waits when the process doesn't read. Data after the process ended is dropped. */
  write(data: Uint8Array): Promise<void>
  /** Ends the process's standard input (unless its monitor leaves that open). */
  end(): Promise<void>
  resize(size: { readonly rows: number; readonly columns: number }): Promise<void>
  /** Detaches; `output` ends. Idempotent. */
  close(): void
  /** As `close`, and as when this process is killed: input that was begun ends (unless its monitor leaves it open). */
  drop(): void
}

export interface AttachOptions {
  /** Milliseconds to wait for the socket to appear. Default 0. */
  readonly waitMs?: number
  readonly signal?: AbortSignal | undefined
  /**
   * What our monitor does when `output` is not read: `hold` the process back for as long as it takes (default), for some
   * seconds only and then go on without this client (`patient`), or at once (`drop`). Another conmon has its own way.
   */
  readonly whenSlow?: keyof typeof FLOWS
}

const FLOWS = { patient: 0, hold: 1, drop: 2 } as const

const STREAM_SOCKET = 'attach.stream'
const PACKET_SOCKET = 'attach'
const POLL_MS = 2
/** For a monitor that is there and takes nobody more: so many are about to attach, or it hangs. */
const BUSY_MS = 5000

/**
 * `dir`: the bundle, or the directory of an exec session. Uses the stream socket `attach.stream` of our monitor, else
 * the seqpacket socket `attach` of any conmon. Failure wrongState when nothing listens there, timeout when nobody is let in.
 */
export const attach = async (dir: string, { waitMs = 0, signal, whenSlow = 'hold' }: AttachOptions = {}): Promise<Attachment> => {
  const began = monotonicMs()
  for (;;) {
    const failure = connectIn(dir, whenSlow)
    if (!(failure instanceof Failure)) return failure
    if (signal?.aborted) throw new Failure('cancelled', 'attaching was cancelled', { cause: signal.reason })
    if (monotonicMs() - began >= (failure.kind === 'timeout' ? Math.max(waitMs, BUSY_MS) : waitMs)) throw failure
    await sleep(POLL_MS)
  }
}

/** Attached through an end of a socket whose other end a monitor was given: `--client-fd`. */
export const attachOver = (ends: { readonly read: number; readonly write: number }): Attachment => framed(ends, 'hold')

const framed = ({ read, write }: { readonly read: number; readonly write: number }, whenSlow: keyof typeof FLOWS): Attachment => {
  const writer = makeWriter(write)
  void writer.write(frame(FLOW, Uint8Array.of(FLOWS[whenSlow])))
  return framedAttachment(makeReader(read), writer)
}

const connectIn = (dir: string, whenSlow: keyof typeof FLOWS): Attachment | Failure => {
  const ours = existsSync(join(dir, STREAM_SOCKET))
  try {
    const ends = connectUnix(join(dir, ours ? STREAM_SOCKET : PACKET_SOCKET), ours ? 'stream' : 'seqpacket')
    return ours ? framed(ends, whenSlow) : packetAttachment(makeReader(ends.read), { writer: makeWriter(ends.write), dir })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return new Failure('timeout', `the monitor in ${dir} does not answer`, { cause: error, hint: 'does it hang? see its process with ps' })
    if (!['ENOENT', 'ECONNREFUSED', 'ENOTSOCK'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
    return new Failure('wrongState', `nothing can be attached to in ${dir}: the process has ended`, { cause: error })
  }
}

const STREAMS: Readonly<Record<number, Output['stream']>> = { 2: 'stdout', 3: 'stderr' }
const HEADER = 5
const [STDIN, STDIN_END, RESIZE, DETACH, FLOW] = [0, 1, 4, 5, 6]
const MAX_FRAME = 65_536

/** Our monitor: each frame is a type, a 32-bit big-endian length, and that many bytes, both ways. */
const framedAttachment = (reader: Reader, writer: Writer): Attachment => {
  const send = (type: number, payload?: Uint8Array): Promise<void> => writer.write(frame(type, payload))
  return attachment({ reader, writer }, {
    output: frames(reader),
    write: async (data) => { for (let at = 0; at < data.length; at += MAX_FRAME) await send(STDIN, data.subarray(at, at + MAX_FRAME)) },
    end: () => send(STDIN_END),
    resize: ({ rows, columns }) => {
      const size = Buffer.allocUnsafe(4)
      size.writeUInt16BE(rows, 0)
      size.writeUInt16BE(columns, 2)
      return send(RESIZE, size)
    },
    leave: () => writer.farewell(frame(DETACH)),
  })
}

const frame = (type: number, payload: Uint8Array = new Uint8Array()): Buffer => {
  const bytes = Buffer.allocUnsafe(HEADER + payload.length)
  bytes.writeUInt8(type, 0)
  bytes.writeUInt32BE(payload.length, 1)
  bytes.set(payload, HEADER)
  return bytes
}

/** Payloads are passed on as they come, however they were cut on the way. */
async function* frames(reader: Reader): AsyncGenerator<Output> {
  let held: Buffer = Buffer.alloc(0)
  let left = 0
  let stream: Output['stream'] | undefined
  for (let chunk = await reader.read(); chunk; chunk = await reader.read()) {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk])
    while (held.length > 0) {
      if (left === 0) {
        if (held.length < HEADER) break
        stream = STREAMS[held[0]!]
        left = held.readUInt32BE(1)
        held = held.subarray(HEADER)
        continue
      }
      const data = held.subarray(0, left)
      left -= data.length
      held = held.subarray(data.length)
      if (stream) yield { stream, data }
    }
  }
}

const MAX_PACKET = 8192

/** Any conmon: a packet is a type and up to 8192 bytes one way, bare input the other. */
const packetAttachment = (reader: Reader, { writer, dir }: { writer: Writer; dir: string }): Attachment => attachment({ reader, writer }, {
  output: packets(reader),
  write: async (data) => { for (let at = 0; at < data.length; at += MAX_PACKET) await writer.write(data.subarray(at, at + MAX_PACKET)) },
  end: () => writer.finish(),
  resize: (size) => resizeTerminal(dir, size),
  leave: () => undefined,
})

async function* packets(reader: Reader): AsyncGenerator<Output> {
  for (let packet = await reader.read(); packet; packet = await reader.read()) {
    const stream = STREAMS[packet[0]!]
    if (stream && packet.length > 1) yield { stream, data: packet.subarray(1) }
  }
}

interface Way extends Pick<Attachment, 'output' | 'write' | 'end' | 'resize'> { leave(): void }

const attachment = ({ reader, writer }: { reader: Reader; writer: Writer }, { leave, ...way }: Way): Attachment => {
  let open = true
  const drop = (): void => {
    open = false
    reader.close()
    writer.close()
  }
  const close = (): void => {
    if (open) leave()
    drop()
  }
  return { ...way, close, drop, [Symbol.asyncDispose]: async () => close() }
}
