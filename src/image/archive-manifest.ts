// The words of image archives: docker's manifest.json, and the names that OCI layouts write beside a manifest.
import * as v from 'valibot'
import { Failure } from '../errors.ts'
import { checked, parseJson } from './checked.ts'
import { canonicalName, onRegistry, parseTyped } from './reference.ts'
import type { Descriptor } from './descriptor.ts'

export const MAX_ARCHIVE_MANIFEST_BYTES = 4 * 1024 * 1024
export const OCI_LAYOUT_FILE = { imageLayoutVersion: '1.0.0' }
export const REF_NAME = 'org.opencontainers.image.ref.name'
/** Written by containerd and docker; says more than the name of the layout. */
const CONTAINERD_NAME = 'io.containerd.image.name'

export interface DockerArchiveImage {
  /** File names in the archive. */
  readonly Config: string
  readonly RepoTags: readonly string[]
  readonly Layers: readonly string[]
}

const name = v.pipe(v.string(), v.maxLength(4096))
const schema = v.pipe(v.array(v.object({
  Config: name,
  RepoTags: v.pipe(v.optional(v.nullable(v.array(name)), null), v.transform((tags) => tags ?? [])),
  Layers: v.pipe(v.nullable(v.array(name)), v.transform((layers) => layers ?? []), v.maxLength(512)),
})), v.maxLength(1024))

/** docker's manifest.json, or undefined where the file is that of the dir form. @throws invalid */
export function parseArchiveManifest(bytes: Uint8Array, what: string): readonly DockerArchiveImage[] | undefined {
  const value = parseJson(bytes, MAX_ARCHIVE_MANIFEST_BYTES, `manifest.json of ${what}`)
  return Array.isArray(value) ? checked(schema, value, `manifest.json of ${what}`) : undefined
}

/** A name that an archive gives its image; one without a registry is of this machine. @throws invalid */
export function archiveName(text: string): string {
  const typed = parseTyped(text)
  if (typed.digest !== undefined) throw new Failure('invalid', `the archive calls an image "${text.slice(0, 300)}", which has a digest in it`)
  return canonicalName(onRegistry(typed, typed.domain ?? 'localhost'))
}

export const annotatedName = ({ annotations }: Pick<Descriptor, 'annotations'>): string | undefined => annotations?.[CONTAINERD_NAME] ?? annotations?.[REF_NAME]
