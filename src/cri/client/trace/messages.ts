// gRPC's messages read along, decoded, and freed of what must not be written down.
import { ImageServiceService, RuntimeServiceService } from '../../wire/generated/runtime-v1.ts'
import { makeMessageReader } from '../../wire/grpc-messages.ts'
import { toJson, type Json, type JsonObject } from '../protojson.ts'

export type Message = JsonObject

interface Known { readonly path: string; readonly requestDeserialize: (bytes: Buffer) => unknown; readonly responseDeserialize: (bytes: Buffer) => unknown }

/** Larger messages are counted, not kept. */
const MAX_BYTES = 1024 * 1024

export interface Reading {
  readonly name: { readonly rpc: string; readonly version: 'v1' | 'v1alpha2' | 'other' }
  request(chunk: Buffer): void
  response(chunk: Buffer): void
  result(): { readonly request?: Message; readonly response?: Message; readonly responses: number }
}

export function makeReader(): (path: string) => Reading {
  const methods = new Map<string, Known>([...Object.values(RuntimeServiceService), ...Object.values(ImageServiceService)].map((method) => [method.path as string, method as unknown as Known]))
  return (path) => {
    const version = path.startsWith('/runtime.v1.') ? 'v1' : path.startsWith('/runtime.v1alpha2.') ? 'v1alpha2' : 'other'
    const method = methods.get(path.replace('/runtime.v1alpha2.', '/runtime.v1.'))
    const [sent, received] = [readMessages(), readMessages()]
    return {
      name: { rpc: path.slice(path.lastIndexOf('/') + 1), version },
      request: sent.add, response: received.add,
      // decoded when the call is over: while it lasts nothing waits for us
      result: () => ({ ...decoded('request', sent.first(), method?.requestDeserialize), ...decoded('response', received.first(), method?.responseDeserialize), responses: received.count() }),
    }
  }
}

function decoded<K extends string>(key: K, bytes: Buffer | undefined, decode: ((bytes: Buffer) => unknown) | undefined): { [P in K]?: Message } {
  if (!bytes || !decode) return {}
  try {
    return { [key]: withoutSecrets(toJson(decode(bytes))) } as { [P in K]?: Message }
  } catch {
    return {}
  }
}

interface Messages { readonly add: (chunk: Buffer) => void; readonly first: () => Buffer | undefined; readonly count: () => number }

/** Keeps the first message and counts all. */
function readMessages(): Messages {
  let count = 0
  let first: Buffer | undefined
  const add = makeMessageReader({
    isWanted: (bytes, isPacked) => count === 0 && bytes <= MAX_BYTES && !isPacked,
    message: (message) => {
      count++
      first ??= message
    },
  })
  return { add, first: () => first, count: () => count }
}

const REMOVED = '[removed]'
const SECRET_FIELDS: ReadonlySet<string> = new Set(['password', 'auth', 'identityToken', 'registryToken'])
const SECRET_NAME = /pass|secret|token|key|cred|auth|private/i
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'

/** Credentials, values of variables with telling names, outputs of commands and the runtime's verbose information go. */
export function withoutSecrets(message: JsonObject): JsonObject {
  const entries = Object.entries(message).map(([key, value]): [string, Json] => {
    if (SECRET_FIELDS.has(key) && typeof value === 'string') return [key, value === '' ? '' : REMOVED]
    if (key === 'info') return [key, REMOVED]
    if ((key === 'stdout' || key === 'stderr') && typeof value === 'string') return [key, `${Buffer.from(value, 'base64').length} bytes`]
    // addresses of streams are good for whoever reads them first
    if (key === 'url' && typeof value === 'string') return [key, value.replace(/[^/]+$/, REMOVED)]
    if (key === 'annotations' && typeof value === 'object' && value !== null) return [key, Object.fromEntries(Object.entries(value).map(([name, text]) => [name, name === LAST_APPLIED || SECRET_NAME.test(name) ? REMOVED : text]))]
    if (key === 'envs' && Array.isArray(value)) return [key, value.map((pair) => hideVariable(pair as { key: string; value: string }))]
    if (Array.isArray(value)) return [key, value.map((item) => (typeof item === 'object' && item !== null && !Array.isArray(item) ? withoutSecrets(item) : item))]
    return [key, typeof value === 'object' && value !== null ? withoutSecrets(value as JsonObject) : value]
  })
  return Object.fromEntries(entries)
}

const hideVariable = ({ key, value }: { key: string; value: string }): Json => ({ key, value: SECRET_NAME.test(key) ? REMOVED : value })
