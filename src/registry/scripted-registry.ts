// For tests: a registry in this process that serves what it is given, writes down what it is asked, and misbehaves on
// order.
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { digestOf, type Digest } from '../image/digest.ts'

export interface Seen {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  body: string
}

/** Answers a request in its own way, or returns false to leave it to the registry. */
export type Behaviour = (seen: Seen, response: ServerResponse, request: IncomingMessage) => boolean | Promise<boolean>

export interface ScriptedRegistry {
  /** 127.0.0.1:PORT, or [::1]:PORT */
  readonly host: string
  readonly seen: Seen[]
  readonly manifests: Map<string, { type: string; bytes: Buffer }>
  readonly blobs: Map<Digest, Buffer>
  /** Body bytes handed to the kernel. */
  sentBytes: number
  behave: Behaviour
  addBlob(bytes: Buffer): Digest
  /** Under its digest and under `tag`. */
  addManifest(repository: string, tag: string, manifest: { type: string; bytes: Buffer }): Digest
  close(): Promise<void>
}

export async function startScriptedRegistry({ tls, address = '127.0.0.1', port = 0 }: { tls?: { key: string; cert: string; ca?: string }; address?: string; port?: number } = {}): Promise<ScriptedRegistry> {
  const answer = (request: IncomingMessage, response: ServerResponse): void => void serve(registry, request, response)
  const server = tls ? createTlsServer({ ...tls, requestCert: tls.ca !== undefined, rejectUnauthorized: tls.ca !== undefined }, answer) : createServer(answer)
  server.listen(port, address)
  await once(server, 'listening')
  const registry: ScriptedRegistry = {
    host: `${address.includes(':') ? `[${address}]` : address}:${(server.address() as AddressInfo).port}`,
    seen: [], manifests: new Map(), blobs: new Map(), sentBytes: 0,
    behave: () => false,
    addBlob(bytes) {
      const digest = digestOf(bytes)
      registry.blobs.set(digest, bytes)
      return digest
    },
    addManifest(repository, tag, manifest) {
      const digest = digestOf(manifest.bytes)
      for (const name of [tag, digest]) registry.manifests.set(`${repository}/${name}`, manifest)
      return digest
    },
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return registry
}

async function serve(registry: ScriptedRegistry, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const seen: Seen = { method: request.method ?? '', url: request.url ?? '', headers: request.headers, body: '' }
  registry.seen.push(seen)
  for await (const chunk of request) seen.body += String(chunk)
  if (await registry.behave(seen, response, request)) return
  const [, path, kind, name] = /^\/v2\/(.+)\/(manifests|blobs)\/([^/?]+)(?:\?.*)?$/.exec(seen.url) ?? []
  if (kind === 'manifests') return serveManifest(registry, `${path}/${name}`, response)
  if (kind === 'blobs') return serveBlob(registry, registry.blobs.get(name as Digest), seen, response)
  sendError(response, 404, 'NOT_FOUND')
}

function serveManifest({ manifests }: ScriptedRegistry, key: string, response: ServerResponse): void {
  const manifest = manifests.get(key)
  if (manifest === undefined) return sendError(response, 404, 'MANIFEST_UNKNOWN')
  response.writeHead(200, { 'content-type': manifest.type, 'content-length': manifest.bytes.length, 'docker-content-digest': digestOf(manifest.bytes) })
  response.end(manifest.bytes)
}

export function serveBlob(registry: ScriptedRegistry, blob: Buffer | undefined, seen: Pick<Seen, 'headers'>, response: ServerResponse): void {
  if (blob === undefined) return sendError(response, 404, 'BLOB_UNKNOWN')
  const start = Number(/^bytes=(\d+)-$/.exec(seen.headers.range ?? '')?.[1] ?? 0)
  const part = blob.subarray(start)
  registry.sentBytes += part.length
  response.writeHead(start > 0 ? 206 : 200, {
    'content-length': part.length, etag: `"${digestOf(blob)}"`,
    ...(start > 0 && { 'content-range': `bytes ${start}-${blob.length - 1}/${blob.length}` }),
  })
  response.end(part)
}

export function sendError(response: ServerResponse, status: number, code: string, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify({ errors: [{ code, message: code.toLowerCase().replaceAll('_', ' ') }] }))
}
