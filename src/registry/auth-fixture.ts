// For tests: a registry of two repositories, and what its clients show of themselves.
import type { ServerResponse } from 'node:http'
import type { TestContext } from 'node:test'
import { isFailure } from '../errors.ts'
import { OCI_CONFIG, OCI_MANIFEST } from '../image/media-types.ts'
import { parseReference } from '../image/reference.ts'
import { NO_FILES, QUICK } from './client-fixture.ts'
import { openRegistry, type Access, type Registry } from './registry.ts'
import { sendError, startScriptedRegistry, type ScriptedRegistry, type Seen } from './scripted-registry.ts'

export const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`

export function openPlain(t: TestContext): Registry {
  const registry = openRegistry({ files: NO_FILES, timings: { maxDelayMs: 10 } })
  t.after(() => registry.close())
  return registry
}

export async function serveApps(t: TestContext): Promise<ScriptedRegistry & { blob: Buffer; resolve: (registry: Registry, access?: Access, name?: string) => ReturnType<Registry['resolve']> }> {
  const server = await startScriptedRegistry()
  t.after(() => server.close())
  const blob = Buffer.alloc(100_000, 'x')
  const digest = server.addBlob(blob)
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config: { mediaType: OCI_CONFIG, digest, size: blob.length }, layers: [] }))
  for (const name of ['app', 'other']) server.addManifest(name, '1', { type: OCI_MANIFEST, bytes })
  return Object.assign(server, {
    blob,
    resolve: (registry: Registry, access: Access = QUICK, name = 'app:1') => registry.resolve(parseReference(`${server.host}/${name}`), { access: { ...QUICK, ...access } }),
  })
}

export const readAll = async (registry: Registry, resolved: Awaited<ReturnType<Registry['resolve']>>): Promise<number> => {
  const { config } = JSON.parse(Buffer.from(resolved.bytes).toString()) as { config: { mediaType: string; digest: never; size: number } }
  let bytes = 0
  for await (const chunk of await registry.blob(resolved, config, { offsetBytes: 0 })) bytes += chunk.length
  return bytes
}

export const challenge = (response: ServerResponse, header: string): true => {
  sendError(response, 401, 'UNAUTHORIZED', { 'www-authenticate': header })
  return true
}
export const denied = (pattern: RegExp) => (error: unknown): boolean => isFailure(error, 'denied') && pattern.test(error.message) && !/secret/.test(JSON.stringify([error.message, error.hint, String(error.cause)]))
export const authorizations = (seen: readonly Seen[]): (string | undefined)[] => seen.map(({ headers }) => headers.authorization)
