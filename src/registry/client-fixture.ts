// For tests: a client without any configuration, and a registry of one image.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { TestContext } from 'node:test'
import { isFailure, type ErrorKind } from '../errors.ts'
import type { Digest } from '../image/digest.ts'
import { OCI_CONFIG, OCI_MANIFEST } from '../image/media-types.ts'
import { parseReference } from '../image/reference.ts'
import { openRegistry, type Access, type Registry, type RegistryOptions } from './registry.ts'
import { startScriptedRegistry, type ScriptedRegistry } from './scripted-registry.ts'

export const NO_FILES = { registriesConf: [], registriesConfRequired: false, dropIns: [], aliasCache: '/nonexistent', authFiles: [], policies: [], certDirs: [], hostsDirs: [] }
export const QUICK: Access = { retryDelayMs: 1 }

export function open(t: TestContext, { timings, ...options }: Partial<RegistryOptions> = {}): Registry {
  const registry = openRegistry({ files: NO_FILES, timings: { connectMs: 2000, headerMs: 2000, idleMs: 500, maxDelayMs: 1000, ...timings }, ...options })
  t.after(() => registry.close())
  return registry
}

export async function serve(t: TestContext, options = {}): Promise<ScriptedRegistry> {
  const server = await startScriptedRegistry(options)
  t.after(() => server.close())
  return server
}

export interface Filled { blob: Buffer; digest: Digest; manifest: Digest }

export function fill(server: ScriptedRegistry, size = 3_000_000): Filled {
  const blob = randomBytes(size)
  const digest = server.addBlob(blob)
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config: { mediaType: OCI_CONFIG, digest, size }, layers: [] }))
  return { blob, digest, manifest: server.addManifest('app', '1', { type: OCI_MANIFEST, bytes }) }
}

export const failure = (kind: ErrorKind, ...patterns: RegExp[]) => (error: unknown): boolean => {
  if (!isFailure(error, kind)) throw error
  const text = `${error.message} ${error.hint ?? ''}`
  for (const pattern of patterns) assert.match(text, pattern)
  assert.ok(!/secret|\n/.test(text), `shows too much: ${text}`)
  return true
}

export async function download(registry: Registry, server: ScriptedRegistry, { digest, size, offset = 0, access = QUICK }: { digest: Digest; size: number; offset?: number; access?: Access }): Promise<Buffer> {
  const resolved = await registry.resolve(parseReference(`${server.host}/app:1`), { access })
  const chunks: Uint8Array[] = []
  for await (const chunk of await registry.blob(resolved, { mediaType: '', digest, size }, { offsetBytes: offset })) chunks.push(chunk)
  return Buffer.concat(chunks)
}
