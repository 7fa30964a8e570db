// Where each member of a tar archive lies in its file, so that what is wanted can be read without unpacking anything.
import { Failure } from '../errors.ts'
import { cleanName, type BytePath } from './byte-path.ts'
import { TarParser } from './tar-parser.ts'
import type { TarEntry, TarSink } from './tar-entry.ts'

export type ArchiveMember = { readonly offsetBytes: number; readonly sizeBytes: number } | { readonly link: BytePath }

const MAX_MEMBERS = 100_000

/** By clean name; of several with one name the last counts, as with tar. @throws invalid */
export async function indexArchive(chunks: AsyncIterable<Buffer>): Promise<ReadonlyMap<BytePath, ArchiveMember>> {
  const sink = new Indexer()
  const parser = new TarParser(sink)
  for await (const chunk of chunks) {
    parser.feed(chunk)
    sink.basis += chunk.length
  }
  parser.finish()
  return sink.members
}

class Indexer implements TarSink {
  readonly members = new Map<BytePath, ArchiveMember>()
  /** Where the chunk at hand begins in the file. */
  basis = 0
  #waiting: { readonly name: BytePath; readonly sizeBytes: number } | undefined

  begin(entry: TarEntry): void {
    this.#waiting = undefined
    const name = cleanName(entry.name)
    if (this.members.size >= MAX_MEMBERS) throw new Failure('invalid', `the archive has more than ${MAX_MEMBERS} members`)
    if (entry.sparse !== undefined) throw new Failure('unsupported', 'the archive has sparse files')
    if (entry.type === 'symlink' || entry.type === 'link') this.members.set(name, { link: entry.type === 'link' ? `/${entry.linkName}` : entry.linkName })
    if (entry.type !== 'file') return
    this.members.set(name, { offsetBytes: 0, sizeBytes: entry.size })
    this.#waiting = { name, sizeBytes: entry.size }
  }

  data(_chunk: Buffer, start: number): void {
    if (!this.#waiting) return
    const { name, sizeBytes } = this.#waiting
    this.members.set(name, { offsetBytes: this.basis + start, sizeBytes })
    this.#waiting = undefined
  }

  end(): void {}
}
