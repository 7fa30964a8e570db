// Decompression of layers: gzip, zstd or none, told by the first bytes; media types lie too often.
import { createGunzip, createZstdDecompress, type Gunzip, type ZstdDecompress } from 'node:zlib'
import { Failure } from '../errors.ts'

export type Compression = 'gzip' | 'zstd' | 'none'

/** Decompressed bytes, in order. May throw; `write` or `finish` then rejects with it. */
export type OnBytes = (chunk: Buffer) => void

export interface Decompressor {
  /** Resolves when `chunk` has been taken and may be overwritten. */
  write(chunk: Buffer): Promise<void>
  /** Resolves when `onBytes` has had everything. Rejects when the stream ends too early. */
  finish(): Promise<void>
}

const CHUNK = 1 << 20
const NAMED: readonly (readonly [string, string])[] = [['fd377a585a00', 'xz'], ['425a68', 'bzip2'], ['504b0304', 'zip'], ['04224d18', 'lz4']]

/** `start` holds the first bytes of the blob, at least six unless it is shorter. Failure unsupported for what can't be read. */
export function detectCompression(start: Buffer): Compression {
  const magic = start.subarray(0, 6).toString('hex')
  if (magic.startsWith('1f8b')) return 'gzip'
  if (magic.startsWith('28b52ffd') || /^5.2a4d18/.test(magic)) return 'zstd'
  const other = NAMED.find(([bytes]) => magic.startsWith(bytes))
  if (other !== undefined) throw new Failure('unsupported', `it is compressed with ${other[1]}; tar, gzip and zstd are understood`)
  return 'none'
}

export function makeDecompressor(compression: Compression, onBytes: OnBytes): Decompressor {
  if (compression === 'none') return { write: async (chunk) => { onBytes(chunk) }, finish: async () => {} }
  return new StreamDecompressor(compression, onBytes)
}

class StreamDecompressor implements Decompressor {
  readonly #compression: 'gzip' | 'zstd'
  readonly #onBytes: OnBytes
  #decoder: Gunzip | ZstdDecompress
  #fed = 0
  #ended = false
  #ignoring = false
  #error: unknown
  #queue: Buffer[] = []
  #settle: (() => void) | undefined

  constructor(compression: 'gzip' | 'zstd', onBytes: OnBytes) {
    this.#compression = compression
    this.#onBytes = onBytes
    this.#decoder = this.#start()
  }

  #start(): Gunzip | ZstdDecompress {
    this.#fed = 0
    this.#ended = false
    const decoder = this.#compression === 'gzip' ? createGunzip({ chunkSize: CHUNK }) : createZstdDecompress({ chunkSize: CHUNK })
    decoder.on('data', (chunk: Buffer) => this.#take(chunk))
    decoder.on('end', () => {
      this.#ended = true
      this.#settle?.()
    })
    decoder.on('error', (error) => this.#fail(new Failure('invalid', `broken ${this.#compression}: ${error.message}`, { cause: error })))
    return decoder
  }

  /** Handled in a microtask: by then zlib's thread works on the next piece already. */
  #take(chunk: Buffer): void {
    if (this.#queue.push(chunk) === 1) queueMicrotask(() => this.#drain())
  }

  #drain(): void {
    const queue = this.#queue
    this.#queue = []
    if (this.#error !== undefined) return
    try {
      for (const chunk of queue) this.#onBytes(chunk)
    } catch (error) {
      this.#fail(error)
    }
  }

  #fail(error: unknown): void {
    this.#error ??= error ?? new Error('decompression failed')
    this.#decoder.destroy()
    this.#settle?.()
  }

  async write(chunk: Buffer): Promise<void> {
    this.#check()
    if (this.#ignoring) return
    this.#fed += chunk.length
    await new Promise<void>((resolve) => {
      this.#settle = resolve
      this.#decoder.write(chunk, () => resolve())
    })
    this.#check()
    if (!this.#ended) return
    // The stream is over but the input isn't. zstd: after a skippable frame; gzip: padding, which gzip ignores too.
    const rest = this.#fed - this.#decoder.bytesWritten
    if (this.#compression === 'gzip') this.#ignoring = true
    else {
      this.#decoder = this.#start()
      if (rest > 0) await this.write(chunk.subarray(chunk.length - rest))
    }
  }

  async finish(): Promise<void> {
    if (!this.#ignoring && !this.#ended && this.#error === undefined && this.#fed > 0) {
      await new Promise<void>((resolve) => {
        this.#settle = resolve
        this.#decoder.end()
      })
    } else this.#decoder.destroy()
    this.#drain()
    this.#check()
  }

  #check(): void {
    if (this.#error !== undefined) throw this.#error
  }
}
