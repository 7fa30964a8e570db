// Manifests of every form that a registry serves, told apart and checked: OCI image spec manifest.md and
// image-index.md, Docker image manifest v2 schema 2 and list. Schema 1 is only recognised here.
import * as v from 'valibot'
import { Failure } from '../errors.ts'
import { checked, parseJson } from './checked.ts'
import { annotationsSchema, descriptorSchema, type Descriptor } from './descriptor.ts'
import * as types from './media-types.ts'

export const MAX_MANIFEST_BYTES = 4 * 1024 * 1024
export const MAX_LAYERS = 512

export interface ImageManifest {
  readonly kind: 'image'
  readonly mediaType: string
  readonly config: Descriptor
  /** Bottom first. */
  readonly layers: readonly Descriptor[]
  readonly annotations: Readonly<Record<string, string>>
  readonly artifactType?: string
  readonly subject?: Descriptor
}
export interface ImageIndex {
  readonly kind: 'index'
  readonly mediaType: string
  readonly manifests: readonly Descriptor[]
  readonly annotations: Readonly<Record<string, string>>
}
/** To be read by convertSchema1. */
export interface Schema1Manifest {
  readonly kind: 'schema1'
  readonly mediaType: string
}
export type Manifest = ImageManifest | ImageIndex | Schema1Manifest

const word = v.pipe(v.string(), v.maxLength(255))

const headSchema = v.looseObject({
  schemaVersion: v.optional(v.picklist([1, 2]), 2),
  mediaType: v.exactOptional(word),
})

const annotations = v.optional(v.nullable(annotationsSchema), null)

const imageSchema = v.object({
  config: descriptorSchema,
  layers: v.pipe(v.array(descriptorSchema), v.maxLength(MAX_LAYERS)),
  annotations,
  artifactType: v.exactOptional(word),
  subject: v.exactOptional(descriptorSchema),
})

const indexSchema = v.object({
  manifests: v.pipe(v.nullable(v.array(descriptorSchema)), v.transform((list) => list ?? []), v.maxLength(4096)),
  annotations,
})

const isIndexType = (mediaType: string): boolean => mediaType === types.OCI_INDEX || mediaType === types.DOCKER_LIST

/**
 * Reads a manifest of any form; digest and size of `bytes` are checked by the caller.
 * `served` is the Content-Type it came with or its descriptor's media type; `what` names it in messages.
 * Fails with `invalid`, or `unsupported` for a form that is not known.
 */
export function parseManifest(bytes: Uint8Array, served: string | undefined, what: string): Manifest {
  const raw = parseJson(bytes, MAX_MANIFEST_BYTES, `the manifest of ${what}`)
  const head = checked(headSchema, raw, `the manifest of ${what}`)
  const mediaType = head.mediaType ?? typeOf(head, served)
  if (mediaType === '') throw new Failure('invalid', `the manifest of ${what} is malformed: it has neither layers nor manifests`)
  if (head.schemaVersion === 1) return { kind: 'schema1', mediaType }
  // The same bytes must not be an index to one reader and an image to another.
  const mixed = ('layers' in head || 'config' in head) && 'manifests' in head
  if (mixed) throw new Failure('invalid', `the manifest of ${what} is an index and an image at once`)
  if (isIndexType(mediaType)) return { kind: 'index', mediaType, ...withAnnotations(checked(indexSchema, raw, `the index of ${what}`)) }
  if (mediaType !== types.OCI_MANIFEST && mediaType !== types.DOCKER_MANIFEST) {
    throw new Failure('unsupported', `${what} has a manifest of the unknown type "${mediaType}"`)
  }
  return { kind: 'image', mediaType, ...withAnnotations(checked(imageSchema, raw, `the manifest of ${what}`)) }
}

/** OCI documents need not name their own type: then the server's word counts where it fits, else the fields do. */
function typeOf(head: Record<string, unknown>, served: string | undefined): string {
  const claimed = served?.split(';')[0]?.trim().toLowerCase()
  if ('manifests' in head) return claimed !== undefined && isIndexType(claimed) ? claimed : types.OCI_INDEX
  if ('layers' in head) return claimed === types.DOCKER_MANIFEST ? claimed : types.OCI_MANIFEST
  return claimed ?? ('fsLayers' in head ? types.DOCKER_SCHEMA1 : '')
}

const withAnnotations = <T extends { annotations: Record<string, string> | null }>(checkedManifest: T) =>
  ({ ...checkedManifest, annotations: checkedManifest.annotations ?? {} })

/** Refuses with `unsupported` what can't be a container's image: artifacts, encrypted and unknown layers. */
export function requireRunnable(manifest: ImageManifest, what: string): void {
  if (!types.isImageConfig(manifest.config.mediaType)) {
    const type = manifest.artifactType ?? manifest.config.mediaType
    throw new Failure('unsupported', `${what} is not a container image but an artifact of type "${type}"`)
  }
  for (const { mediaType, digest } of manifest.layers) {
    const { kind } = types.layerType(mediaType)
    if (kind === 'encrypted') throw new Failure('unsupported', `${what} has an encrypted layer (${digest}): encrypted images cannot be pulled`)
    if (kind === 'unknown') throw new Failure('unsupported', `${what} has a layer of the unknown type "${mediaType}" (${digest})`)
  }
}
