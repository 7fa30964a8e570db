// A descriptor points at content: its type, digest and size (OCI image spec, descriptor.md).
import * as v from 'valibot'
import { isDigest, type Digest } from './digest.ts'

export interface Platform {
  readonly os: string
  readonly architecture: string
  readonly variant?: string
  readonly 'os.version'?: string
  readonly 'os.features'?: readonly string[]
}

export interface Descriptor {
  readonly mediaType: string
  readonly digest: Digest
  /** Bytes of the content. */
  readonly size: number
  /** Places outside the registry that hold the content (foreign layers). */
  readonly urls?: readonly string[]
  readonly annotations?: Readonly<Record<string, string>>
  readonly platform?: Platform
  readonly artifactType?: string
}

const MAX_SIZE = 2 ** 43

export const digestSchema = v.pipe(
  v.string(),
  v.maxLength(160),
  v.check(isDigest, 'is not a digest'),
  v.transform((text) => text as Digest),
)

const word = v.pipe(v.string(), v.maxLength(255))

/** Keys and values as the registry gave them; the manifest that holds them is bounded itself. */
export const annotationsSchema = v.record(v.string(), v.string())

export const platformSchema = v.object({
  os: v.optional(word, 'linux'),
  architecture: v.optional(word, ''),
  variant: v.exactOptional(word),
  'os.version': v.exactOptional(word),
  'os.features': v.exactOptional(v.pipe(v.array(word), v.maxLength(64))),
})

export const sizeSchema = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MAX_SIZE))

export const descriptorSchema = v.object({
  mediaType: v.optional(word, ''),
  digest: digestSchema,
  size: sizeSchema,
  urls: v.exactOptional(v.pipe(v.array(v.pipe(v.string(), v.maxLength(4096))), v.maxLength(16))),
  annotations: v.exactOptional(annotationsSchema),
  platform: v.exactOptional(platformSchema),
  artifactType: v.exactOptional(word),
})
