// A tar stream of somebody else, written anew under another name: what is no archive, or leads out, ends here.
import { Failure } from '../errors.ts'
import { bytePath, cleanName, type BytePath } from './byte-path.ts'
import { TarParser } from './tar-parser.ts'
import { memberHeader, padding } from './tar-writer.ts'
import type { TarEntry, TarSink } from './tar-entry.ts'

/** `as` takes the place of the first component of every name, links included; '' leaves the names. No end mark. @throws invalid */
export async function* renameMembers(chunks: AsyncIterable<Uint8Array>, as: string): AsyncGenerator<Buffer> {
  const renamer = new Renamer(bytePath(as))
  const parser = new TarParser(renamer)
  for await (const chunk of chunks) {
    parser.feed(Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))
    yield* renamer.take()
  }
  parser.finish()
  yield* renamer.take()
}

class Renamer implements TarSink {
  readonly #as: BytePath
  #written: Buffer[] = []
  #left = 0

  constructor(as: BytePath) {
    this.#as = as
  }

  take(): Buffer[] {
    const written = this.#written
    this.#written = []
    return written
  }

  begin(entry: TarEntry): void {
    if (entry.sparse !== undefined) throw new Failure('unsupported', 'the archive has sparse files')
    const name = this.#rename(entry.name)
    this.#left = 0
    if (name === '') return
    if (entry.type === 'file') this.#left = entry.size
    this.#written.push(memberHeader({ ...entry, name, ...(entry.type === 'link' ? { linkName: this.#rename(entry.linkName) } : {}) }))
  }

  data(chunk: Buffer, start: number, end: number): void {
    // the parser's chunk is the caller's, who may use it again
    if (this.#left > 0) this.#written.push(Buffer.from(chunk.subarray(start, end)))
  }

  end(): void {
    if (this.#left > 0) this.#written.push(padding(this.#left))
    this.#left = 0
  }

  #rename(name: string): BytePath {
    const clean = cleanName(name)
    if (this.#as === '') return clean
    const slash = clean.indexOf('/')
    return slash < 0 ? this.#as : `${this.#as}${clean.slice(slash)}`
  }
}
