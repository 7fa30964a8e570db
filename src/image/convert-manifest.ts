// One manifest in the other family's words: the same blobs under other media types. The digest of the manifest changes.
import { Failure } from '../errors.ts'
import type { ImageManifest } from './manifest.ts'
import { DOCKER_CONFIG, DOCKER_LAYER, DOCKER_MANIFEST, layerType, OCI_CONFIG, OCI_LAYER, OCI_MANIFEST } from './media-types.ts'

export type Family = 'oci' | 'docker'

/** The document in that family; the bytes that are there where it is of it already. @throws unsupported */
export function convertManifest(bytes: Uint8Array, manifest: ImageManifest, family: Family): { readonly bytes: Uint8Array; readonly mediaType: string } {
  const mediaType = family === 'oci' ? OCI_MANIFEST : DOCKER_MANIFEST
  if (manifest.mediaType === mediaType) return { bytes, mediaType }
  const document = {
    schemaVersion: 2, mediaType,
    config: { ...manifest.config, mediaType: family === 'oci' ? OCI_CONFIG : DOCKER_CONFIG },
    layers: manifest.layers.map((layer) => ({ ...layer, mediaType: layerTypeIn(layer.mediaType, family) })),
    ...(family === 'oci' && Object.keys(manifest.annotations).length > 0 ? { annotations: manifest.annotations } : {}),
  }
  return { bytes: Buffer.from(JSON.stringify(document)), mediaType }
}

const BASE: Readonly<Record<Family, { readonly own: string; readonly foreign: string; readonly mark: string }>> = {
  oci: { own: OCI_LAYER, foreign: 'application/vnd.oci.image.layer.nondistributable.v1.tar', mark: '+' },
  docker: { own: DOCKER_LAYER, foreign: 'application/vnd.docker.image.rootfs.foreign.diff.tar', mark: '.' },
}

/** The name that a family has for what the media type of a layer says. @throws unsupported */
export function layerTypeIn(mediaType: string, family: Family): string {
  const type = layerType(mediaType)
  if (type.kind !== 'layer') throw new Failure('unsupported', `a layer has the type "${mediaType}", which the other form of manifest cannot say`)
  const { own, foreign, mark } = BASE[family]
  return `${type.foreign ? foreign : own}${type.compression === 'none' ? '' : `${mark}${type.compression}`}`
}
