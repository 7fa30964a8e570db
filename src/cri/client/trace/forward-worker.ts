// The thread that stands between a caller and a runtime: bytes are passed on as they come, and copies of them told to
// the thread that reads them. What that one does, however long it takes, is never in a call's way.
import { connect, createServer, type Socket } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'
import type { Side } from './connection.ts'

export interface Forwarding { readonly target: { readonly path: string } | { readonly host: string; readonly port: number }; readonly listen: string }

/** What is told: `at` is in milliseconds since 1970. */
export type Told =
  | { readonly listening: true }
  | { readonly refused: string }
  | { readonly connection: number; readonly side: Side; readonly at: number; readonly bytes: Uint8Array }
  | { readonly connection: number; readonly side: Side; readonly at: number; readonly ended: true }
  | { readonly connection: number; readonly at: number; readonly unreachable: string }
  | { readonly connection: number; readonly at: number; readonly lost: true }

/** What is told back: how many bytes have been read, or that it is over. */
export type ToldBack = { readonly read: number } | { readonly stop: true }

/** Of copies that nobody has read yet. A connection whose bytes come faster is no longer told of: it isn't held up. */
const MOST_AHEAD_BYTES = 64 * 1024 * 1024

const port = parentPort!
const { target, listen } = workerData as Forwarding
const tell = (told: Told, transfer: ArrayBuffer[] = []): void => port.postMessage(told, transfer)
const now = (): number => performance.timeOrigin + performance.now()

let [connections, aheadBytes] = [0, 0]
const open = new Set<Socket>()

const server = createServer({ allowHalfOpen: true }, (caller) => {
  const connection = ++connections
  const runtime = connect({ ...target, allowHalfOpen: true, noDelay: true })
  let [isTold, isReached] = [true, false]
  runtime.once('connect', () => { isReached = true })
  const pass = (side: Side, from: Socket, to: Socket): void => {
    open.add(from)
    from.on('data', (bytes: Buffer) => {
      if (!to.write(bytes)) {
        from.pause()
        to.once('drain', () => from.resume())
      }
      if (isTold && aheadBytes + bytes.length > MOST_AHEAD_BYTES) {
        isTold = false
        tell({ connection, at: now(), lost: true })
      }
      if (!isTold) return
      aheadBytes += bytes.length
      const copy = new Uint8Array(bytes)
      tell({ connection, side, at: now(), bytes: copy }, [copy.buffer])
    })
    from.on('end', () => to.end())
    from.on('error', (error: NodeJS.ErrnoException) => { if (from === runtime && !isReached) tell({ connection, at: now(), unreachable: error.code ?? error.message }) })
    from.on('close', () => {
      open.delete(from)
      to.destroySoon()
      tell({ connection, side, at: now(), ended: true })
    })
  }
  pass('caller', caller, runtime)
  pass('runtime', runtime, caller)
})
server.on('error', (error: NodeJS.ErrnoException) => tell({ refused: error.code ?? error.message }))
server.listen(listen, () => tell({ listening: true }))
port.on('message', (told: ToldBack) => {
  if ('read' in told) aheadBytes -= told.read
  else {
    server.close()
    for (const socket of open) socket.destroy()
    port.unref()
  }
})
