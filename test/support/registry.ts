// The tests' registry: Debian's docker-registry behind a proxy that counts bytes and makes faults on order.
import { once } from 'node:events'
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { testImages } from './images.ts'
import { startRegistryServer, type RegistryServerOptions } from './registry-server.ts'

/** What happens to a request instead of, or on top of, its answer. */
export type Fault =
  | { readonly kind: 'cut'; readonly afterBytes: number }
  | { readonly kind: 'status'; readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  | { readonly kind: 'corrupt' }
  | { readonly kind: 'slow'; readonly bytesPerSecond: number }

export interface SeenRequest {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  bodyBytesSent: number
}

export interface Registry extends AsyncDisposable {
  /** `127.0.0.1:PORT`, what stands before a repository. */
  readonly host: string
  readonly port: number
  readonly requests: SeenRequest[]
  /** Asked for every request; undefined: answered as the registry does. */
  fault: ((seen: SeenRequest) => Fault | undefined) | undefined
  /** Bytes of blob bodies sent since the last reset, by digest. */
  blobBytes(): Map<string, number>
  reset(): void
  close(): Promise<void>
}

/** Serves `storage`, by default the read-only test images. Plain HTTP on the loopback address. */
export async function openRegistry({ storage, login }: { storage?: string } & Pick<RegistryServerOptions, 'login'> = {}): Promise<Registry> {
  const backend = await startRegistryServer(storage ?? testImages().registry, { readOnly: storage === undefined, ...(login && { login }) })
  const requests: SeenRequest[] = []
  const server = createServer((incoming, outgoing) => {
    const seen = { method: incoming.method!, path: incoming.url!, headers: incoming.headers, bodyBytesSent: 0 }
    requests.push(seen)
    answer({ incoming, outgoing, seen, port: backend.port, fault: registry.fault?.(seen) })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const close = async () => {
    server.closeAllConnections()
    server.close()
    await backend.stop()
  }
  const registry: Registry = {
    host: `127.0.0.1:${port}`, port, requests, fault: undefined, close,
    blobBytes: () => countBlobs(requests),
    reset: () => { requests.length = 0; registry.fault = undefined },
    [Symbol.asyncDispose]: close,
  }
  return registry
}

function countBlobs(requests: readonly SeenRequest[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { method, path, bodyBytesSent } of requests) {
    const digest = method === 'GET' && /\/blobs\/(sha256:[0-9a-f]{64})/.exec(path)?.[1]
    if (digest) counts.set(digest, (counts.get(digest) ?? 0) + bodyBytesSent)
  }
  return counts
}

interface Exchange {
  readonly incoming: IncomingMessage
  readonly outgoing: ServerResponse
  readonly seen: SeenRequest
  readonly port: number
  readonly fault: Fault | undefined
}

function answer(exchange: Exchange): void {
  const { incoming, outgoing, seen, port, fault } = exchange
  if (fault?.kind === 'status') {
    incoming.resume()
    outgoing.writeHead(fault.status, fault.headers).end('{"errors":[{"code":"INJECTED","message":"by the test"}]}')
    return
  }
  const headers = { ...incoming.headers, host: incoming.headers.host ?? '' }
  const upstream = request({ host: '127.0.0.1', port, method: seen.method, path: seen.path, headers }, (response) => {
    outgoing.writeHead(response.statusCode!, response.headers)
    outgoing.flushHeaders()
    relay(response, exchange).catch(() => outgoing.destroy())
  })
  upstream.on('error', () => outgoing.destroy())
  outgoing.on('close', () => upstream.destroy())
  incoming.pipe(upstream)
}

async function relay(response: IncomingMessage, { outgoing, seen, fault }: Exchange): Promise<void> {
  const closed = new Promise<void>((resolve) => outgoing.once('close', resolve))
  for await (const chunk of response as AsyncIterable<Buffer>) {
    const rest = fault?.kind === 'cut' ? fault.afterBytes - seen.bodyBytesSent : chunk.length
    const piece = rest < chunk.length ? chunk.subarray(0, rest) : chunk
    if (fault?.kind === 'corrupt' && seen.bodyBytesSent === 0) piece[piece.length >> 1]! ^= 0xff
    seen.bodyBytesSent += piece.length
    const flushed = new Promise<void>((resolve) => outgoing.write(piece, () => resolve()))
    await Promise.race([flushed, closed])
    if (outgoing.destroyed) return
    if (rest <= chunk.length && fault?.kind === 'cut') return void outgoing.destroy()
    if (fault?.kind === 'slow') await sleep((piece.length / fault.bytesPerSecond) * 1000)
  }
  outgoing.end()
}
