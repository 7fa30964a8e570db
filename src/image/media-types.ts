// The media types that registries and image layouts use, and what each says about its content.

export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json'
export const OCI_CONFIG = 'application/vnd.oci.image.config.v1+json'
export const OCI_LAYER = 'application/vnd.oci.image.layer.v1.tar'
export const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json'
export const DOCKER_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json'
export const DOCKER_CONFIG = 'application/vnd.docker.container.image.v1+json'
export const DOCKER_LAYER = 'application/vnd.docker.image.rootfs.diff.tar'
export const DOCKER_SCHEMA1 = 'application/vnd.docker.distribution.manifest.v1+json'
export const DOCKER_SCHEMA1_SIGNED = 'application/vnd.docker.distribution.manifest.v1+prettyjws'

/** Value of the Accept header of a manifest request: all that can be pulled, newest forms first. */
export const ACCEPTED_MANIFESTS: readonly string[] = [
  OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST, DOCKER_SCHEMA1_SIGNED, DOCKER_SCHEMA1,
]

const CONFIGS: ReadonlySet<string> = new Set([
  OCI_CONFIG, DOCKER_CONFIG,
  // Written by old clients that knew the config only as a blob.
  'application/octet-stream',
])

export const isImageConfig = (mediaType: string): boolean => CONFIGS.has(mediaType)

export type Compression = 'none' | 'gzip' | 'zstd'

/** What a layer's media type says of it. */
export type LayerType =
  | { readonly kind: 'layer'; readonly compression: Compression; readonly foreign: boolean }
  | { readonly kind: 'encrypted' | 'unknown' }

const SUFFIXES: Readonly<Record<string, Compression>> = {
  '': 'none', '+gzip': 'gzip', '.gzip': 'gzip', '+zstd': 'zstd', '.zstd': 'zstd',
}

const BASES: readonly { readonly base: string; readonly foreign: boolean }[] = [
  { base: OCI_LAYER, foreign: false },
  { base: 'application/vnd.oci.image.layer.nondistributable.v1.tar', foreign: true },
  { base: DOCKER_LAYER, foreign: false },
  { base: 'application/vnd.docker.image.rootfs.foreign.diff.tar', foreign: true },
]

export function layerType(mediaType: string): LayerType {
  if (mediaType.endsWith('+encrypted')) return { kind: 'encrypted' }
  // An uncompressed docker layer is named without "diff".
  if (mediaType === 'application/vnd.docker.image.rootfs.tar') return { kind: 'layer', compression: 'none', foreign: false }
  for (const { base, foreign } of BASES) {
    if (!mediaType.startsWith(base)) continue
    const compression = SUFFIXES[mediaType.slice(base.length)]
    if (compression !== undefined) return { kind: 'layer', compression, foreign }
  }
  return { kind: 'unknown' }
}
