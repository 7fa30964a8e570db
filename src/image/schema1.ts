// Docker image manifest v2 schema 1: what registries from before 2016 still hold. Layers have no sizes and no diff ids;
// the configuration is spread over the history. Signed manifests are "pretty" JSON web signatures: the signatures
// lie inside the JSON that they sign.
import { createPublicKey, verify, type JsonWebKey } from 'node:crypto'
import * as v from 'valibot'
import { Failure } from '../errors.ts'
import { checked, parseJson } from './checked.ts'
import { digestSchema, type Descriptor } from './descriptor.ts'
import { digestOf, type Digest } from './digest.ts'
import { parseSettings, type HistoryEntry, type ImageConfig } from './image-config.ts'
import { MAX_LAYERS, MAX_MANIFEST_BYTES } from './manifest.ts'
import { DOCKER_CONFIG, DOCKER_LAYER, DOCKER_MANIFEST } from './media-types.ts'

export interface Schema1Image {
  /** Compressed layers, bottom first, without those that the history calls throw-away. */
  readonly blobs: readonly Digest[]
  /** The configuration, once the diff ids of those layers are known. */
  readonly config: (diffIds: readonly Digest[]) => ImageConfig
}

const word = v.optional(v.nullable(v.pipe(v.string(), v.maxLength(4096))))

const manifestSchema = v.object({
  schemaVersion: v.literal(1),
  architecture: v.optional(v.pipe(v.string(), v.maxLength(64)), 'amd64'),
  fsLayers: v.pipe(v.array(v.object({ blobSum: digestSchema })), v.minLength(1), v.maxLength(MAX_LAYERS)),
  history: v.pipe(v.array(v.object({ v1Compatibility: v.pipe(v.string(), v.maxLength(MAX_MANIFEST_BYTES)) })), v.minLength(1), v.maxLength(MAX_LAYERS)),
})

const historySchema = v.object({
  created: word, author: word, comment: word, os: word, architecture: word, variant: word, docker_version: word,
  throwaway: v.optional(v.nullable(v.boolean())),
  container_config: v.optional(v.nullable(v.looseObject({ Cmd: v.optional(v.nullable(v.union([v.array(v.string()), v.string()]))) }))),
  config: v.optional(v.nullable(v.unknown())),
})

const signedSchema = v.object({
  signatures: v.pipe(v.array(v.object({
    header: v.object({ alg: v.string(), jwk: v.optional(v.record(v.string(), v.unknown())) }),
    signature: v.string(),
    protected: v.string(),
  })), v.minLength(1), v.maxLength(64)),
})
const protectedSchema = v.object({ formatLength: v.pipe(v.number(), v.integer(), v.minValue(0)), formatTail: v.string() })

/** What the signatures sign and the digest is taken of; undefined where there are no signatures. Failure invalid (a wrong signature). */
export function schema1Payload(bytes: Uint8Array): Buffer | undefined {
  const what = 'a signed manifest'
  const raw = parseJson(bytes, MAX_MANIFEST_BYTES, what)
  if (typeof raw !== 'object' || raw === null || !('signatures' in raw)) return undefined
  const { signatures } = checked(signedSchema, raw, what)
  const payloads = signatures.map((signature) => {
    const head = Buffer.from(signature.protected, 'base64url')
    const { formatLength, formatTail } = checked(protectedSchema, parseJson(head, MAX_MANIFEST_BYTES, what), what)
    if (formatLength > bytes.length) throw new Failure('invalid', 'the signature of a manifest covers more than there is')
    const payload = Buffer.concat([bytes.subarray(0, formatLength), Buffer.from(formatTail, 'base64url')])
    checkSignature(signature, payload)
    return payload
  })
  const [first] = payloads
  if (first === undefined || payloads.some((payload) => !payload.equals(first))) throw new Failure('invalid', 'the signatures of a manifest sign different things')
  return first
}

type Signature = v.InferOutput<typeof signedSchema>['signatures'][number]

/** Shows that the manifest is whole, not whose it is: the key comes with it. Other algorithms than ES256 aren't in use. */
function checkSignature({ header: { alg, jwk }, signature, protected: head }: Signature, payload: Buffer): void {
  if (alg !== 'ES256' || jwk === undefined) return
  const { kty, crv, x, y } = jwk
  let valid
  try {
    const key = createPublicKey({ key: { kty, crv, x, y } as JsonWebKey, format: 'jwk' })
    valid = verify('sha256', Buffer.from(`${head}.${payload.toString('base64url')}`), { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url'))
  } catch (cause) {
    throw new Failure('invalid', 'the signature of a manifest cannot be read', { cause })
  }
  if (!valid) throw new Failure('invalid', 'the signature of a manifest is wrong')
}

/** Reads the manifest (of signed ones the payload). Fails with `invalid`. */
export function parseSchema1(bytes: Uint8Array, what: string): Schema1Image {
  const name = `the manifest of ${what}`
  const signed = schema1Payload(bytes)
  const { fsLayers, history, architecture } = checked(manifestSchema, parseJson(signed ?? bytes, MAX_MANIFEST_BYTES, name), name)
  if (fsLayers.length !== history.length) throw new Failure('invalid', `${name} has ${fsLayers.length} layers but ${history.length} history entries`)
  const entries = history.map(({ v1Compatibility }, index) => {
    const place = `${name}, history.${index}`
    return checked(historySchema, parseJson(Buffer.from(v1Compatibility), MAX_MANIFEST_BYTES, place), place)
  })
  const blobs = fsLayers.filter((_, index) => entries[index]!.throwaway !== true).map(({ blobSum }) => blobSum).reverse()
  const top = entries[0]!
  const settings = top.config === null || top.config === undefined ? {} : parseSettings(top.config, what)
  return {
    blobs,
    config: (diffIds) => ({
      architecture: top.architecture ?? architecture,
      os: top.os ?? 'linux',
      ...present({ variant: top.variant, created: top.created, author: top.author, docker_version: top.docker_version }),
      config: settings,
      rootfs: { type: 'layers', diff_ids: diffIds },
      history: entries.map(historyEntry).reverse(),
    }),
  }
}

type V1Entry = v.InferOutput<typeof historySchema>

function historyEntry({ created, author, comment, container_config, throwaway }: V1Entry): HistoryEntry {
  const command = container_config?.Cmd
  return {
    ...present({ created, author, comment, created_by: Array.isArray(command) ? command.join(' ') : command }),
    ...(throwaway === true && { empty_layer: true }),
  }
}

/** Without what is absent or empty. */
const present = <T extends Record<string, string | null | undefined>>(fields: T): { [K in keyof T]?: string } =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value)) as never

/** The same image as schema 2: bytes of its configuration and of its manifest. The same image gives the same bytes. */
export function convertSchema1(image: Schema1Image, layers: readonly Omit<Descriptor, 'mediaType'>[], diffIds: readonly Digest[]): { config: Buffer; manifest: Buffer } {
  const config = Buffer.from(JSON.stringify(image.config(diffIds)))
  const manifest = Buffer.from(JSON.stringify({
    schemaVersion: 2,
    mediaType: DOCKER_MANIFEST,
    config: { mediaType: DOCKER_CONFIG, size: config.length, digest: digestOf(config) },
    layers: layers.map(({ digest, size }) => ({ mediaType: `${DOCKER_LAYER}.gzip`, size, digest })),
  }))
  return { config, manifest }
}
