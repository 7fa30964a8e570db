// Where an image comes from: a registry, or an OCI layout on disk. What it gives is not believed before it is verified.
import type { Descriptor } from '../image/descriptor.ts'
import type { Digest } from '../image/digest.ts'
import { canonical, type Reference } from '../image/reference.ts'
import type { Access, Registry } from '../registry/registry.ts'

export interface ResolvedManifest {
  readonly descriptor: Descriptor
  /** Verified against the descriptor. */
  readonly bytes: Uint8Array
}

export interface ImageSource {
  /** For messages. */
  readonly what: string
  /** The manifest or index that the name stands for. */
  resolve(signal?: AbortSignal): Promise<ResolvedManifest>
  /** A further manifest, verified. After `resolve`. */
  manifest(descriptor: Descriptor, signal?: AbortSignal): Promise<Uint8Array>
  /** Unverified bytes from `offsetBytes` to the end. After `resolve`. */
  openBlob(descriptor: Descriptor, offsetBytes: number, signal?: AbortSignal): Promise<AsyncIterable<Uint8Array>>
  /** The bytes that came of a blob were wrong: the next `openBlob` leaves out a place. @returns whether another one is left */
  distrust?(descriptor: Descriptor): Promise<boolean>
  /** For manifests that don't tell sizes. After `resolve`. */
  blobSize(digest: Digest, signal?: AbortSignal): Promise<number>
}

export function registrySource(registry: Registry, reference: Reference, access: Access): ImageSource {
  let resolving: ReturnType<Registry['resolve']> | undefined
  const resolved = (signal?: AbortSignal) => (resolving ??= registry.resolve(reference, { access, ...(signal && { signal }) }))
  return {
    what: canonical(reference),
    resolve: resolved,
    manifest: async (descriptor, signal) => registry.manifest(await resolved(), descriptor, signal),
    openBlob: async (descriptor, offsetBytes, signal) => registry.blob(await resolved(), descriptor, { offsetBytes, ...(signal && { signal }) }),
    distrust: async (descriptor) => registry.distrust(await resolved(), descriptor),
    blobSize: async (digest, signal) => registry.blobSize(await resolved(), digest, signal),
  }
}
