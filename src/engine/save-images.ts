import { realpathSync, statSync } from 'node:fs'
import { Failure } from '../errors.ts'
import { directoryWriter, tarFileWriter, tarWriter, type ArchiveWriter } from '../storage/archive-writer.ts'
import type { Engine } from './engine.ts'
import { findImage, nameMeant } from './find-image.ts'
import { storedImage, type SavedImage } from './saved-image.ts'
import { givenName } from './tag-image.ts'
import { writeImageArchive, type ArchiveFormat } from './write-image-archive.ts'

export interface SaveImages {
  readonly images: readonly SavedImage[]
  readonly format: ArchiveFormat
  /** A path; absent: `write`. */
  readonly output?: string | undefined
  readonly write?: (bytes: Uint8Array) => void | Promise<void>
}

/** Writes an archive that is there only when it is whole. @throws invalid, notFound, denied, unsupported */
export async function saveImages({ images, format, output, write }: SaveImages): Promise<void> {
  const isDirectory = format === 'oci-dir' || format === 'docker-dir'
  if (format !== 'docker-archive' && (images.length > 1 || images[0]!.names.length > 1)) throw new Failure('unsupported', `${format} has room for one image with one name`, { hint: 'docker-archive has room for several' })
  if (isDirectory && output === undefined) throw new Failure('invalid', `${format} needs a directory to write to`, { hint: 'give --output' })
  const archive = isDirectory ? directoryWriter(output!) : output === undefined ? tarWriter(write!) : fileArchive(output)
  await whole(archive, () => writeImageArchive(images, format, archive))
}

async function whole(archive: ArchiveWriter, work: () => Promise<void>): Promise<void> {
  try {
    await work()
    await archive.end()
  } catch (error) {
    archive.discard()
    throw error
  }
}

/** A pipe or a device is written to as it is; of a link, what it leads to is replaced. */
function fileArchive(path: string): ArchiveWriter {
  const stats = statSync(path, { throwIfNoEntry: false })
  return stats ? tarFileWriter(realpathSync(path), stats.isFile()) : tarFileWriter(path, true)
}

/**
 * Images of the store by the names that users typed: each an image of its own, or all but the first further names of
 * that one. An image that was named by its id has no name in the archive. @throws notFound, invalid
 */
export async function imagesToSave(engine: Pick<Engine, 'state' | 'storage'>, words: readonly string[], { several }: { readonly several: boolean }): Promise<SavedImage[]> {
  if (several) {
    const saved: SavedImage[] = []
    const byId = new Map<string, string[]>()
    for (const word of words) {
      const { id } = await findImage(engine, word)
      byId.set(id, [...byId.get(id) ?? [], ...await nameOf(engine, word)])
    }
    for (const [id, names] of byId) saved.push(await storedImage(engine, { record: await findImage(engine, id), names: [...new Set(names)] }))
    return saved
  }
  const [first, ...more] = words as [string, ...string[]]
  const record = await findImage(engine, first)
  const names = [...await nameOf(engine, first), ...more.map(givenName)]
  return [await storedImage(engine, { record, names: [...new Set(names)] })]
}

/** The stored name that a word stands for. */
async function nameOf(engine: Pick<Engine, 'state'>, word: string): Promise<string[]> {
  const name = nameMeant(word, await findImage(engine, word))
  return name === undefined || name.includes('@') ? [] : [name]
}
