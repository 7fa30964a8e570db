import type { Sink } from '../process/descriptor-sink.ts'
import { attach, type Attachment } from '../monitor/attach.ts'
import { isFailure, isNoSpace } from '../errors.ts'
import type { AttachEnd, AttachIo } from './attach-io.ts'
import { detachScanner } from './detach-keys.ts'
import type { Engine } from './engine.ts'
import { findContainer, runningProcess } from './find-container.ts'

/** Where a monitor's sockets appear shortly after it has told the pid. */
const SOCKET_PATIENCE_MS = 5000

/** Connects to a container that is created and not yet started. */
export const attachToCreated = (engine: Pick<Engine, 'paths'>, id: string, signal?: AbortSignal): Promise<Attachment> =>
  attach(engine.paths.container(id).bundle, { waitMs: SOCKET_PATIENCE_MS, signal })

/** Attaches to a running container until it ends or the user leaves. @throws wrongState */
export async function attachContainer(engine: Pick<Engine, 'paths' | 'self' | 'state'>, nameOrId: string, io: AttachIo): Promise<AttachEnd> {
  const container = await findContainer(engine, nameOrId)
  runningProcess(engine, container, 'cannot attach: ')
  const attachment = await attach(engine.paths.container(container.id).bundle, io.signal ? { signal: io.signal } : {})
  return pump(attachment, io)
}

/** Moves bytes both ways, each side held back by the other. Ends when the process has ended and everything is written, or the user or the reader has left. */
export async function pump(attachment: Attachment, io: AttachIo): Promise<AttachEnd> {
  let detached = false
  let unread = false
  const leave = (): void => { detached = true; attachment.close() }
  const abort = (): void => {
    if (!io.stdin) return leave()
    // Whoever gave the input is gone, and with that the input ends. What still waits to be taken holds up nothing.
    detached = true
    void attachment.end().catch(() => undefined)
    setImmediate(() => attachment.drop())
  }
  io.signal?.addEventListener('abort', abort, { once: true })
  if (io.signal?.aborted) abort() // before we came
  if (io.stdin) void pumpInput(attachment, io, leave)
  if (io.resize) void pumpSizes(attachment, io.resize)
  try {
    for await (const { stream, data } of attachment.output) {
      const target = stream === 'stderr' ? io.stderr : io.stdout
      unread = target !== undefined && !await writeTo(target, data)
      if (unread) break
    }
  } finally {
    io.signal?.removeEventListener('abort', abort)
    attachment.close()
    io.stdin?.destroy()
  }
  return detached ? 'detached' : unread ? 'unread' : 'ended'
}

async function pumpInput(attachment: Attachment, { stdin, detachKeys = [] }: AttachIo, leave: () => void): Promise<void> {
  const scan = detachScanner(detachKeys)
  try {
    for await (const chunk of stdin!) {
      const { pass, detach } = scan(chunk as Buffer)
      if (pass.length) await attachment.write(pass)
      if (detach) return leave()
    }
    await attachment.end()
  } catch {
    // The container has ended, or the caller's own standard input has: output decides when the session is over.
  }
}

async function pumpSizes(attachment: Attachment, sizes: AsyncIterable<{ rows: number; columns: number }>): Promise<void> {
  try {
    for await (const size of sizes) await attachment.resize(size)
  } catch {
    // A terminal that is gone needs no size.
  }
}

/** @returns false when nobody reads any more @throws where the host has no space for it */
const writeTo = (target: Sink, data: Buffer): Promise<boolean> => new Promise((resolve, reject) => {
  target.write(data, (error) => (isFull(error) ? reject(error!) : resolve(!error)))
})

const isFull = (error: unknown): boolean => isFailure(error) || isNoSpace((error as NodeJS.ErrnoException | undefined)?.code)
