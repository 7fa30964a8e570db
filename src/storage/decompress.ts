// Decompression of layers: gzip, zstd or none, told by the first bytes; media types lie too often.
import { createZstdDecompress, type ZstdDecompress } from 'node:zlib'
import { Failure } from '../errors.ts'
import { gunzip, type Inflated } from '../sys/addon.ts'

export type Compression = 'gzip' | 'zstd' | 'none'

/** Decompressed bytes, in order, valid until it returns. May throw; `write` or `finish` then rejects with it. */
export type OnBytes = (chunk: Buffer) => void

export interface Decompressor {
  /** Resolves when `chunk` has been taken and may be overwritten. */
  write(chunk: Buffer): Promise<void>
  /** Resolves when `onBytes` has had everything. Rejects when the stream ends too early. */
  finish(): Promise<void>
}

/** Small enough for the processor's cache to still have it when it is hashed and written. */
const CHUNK = 1 << 18
const NAMED: readonly (readonly [string, string])[] = [['fd377a585a00', 'xz'], ['425a68', 'bzip2'], ['504b0304', 'zip'], ['04224d18', 'lz4']]

/** Compressions of archives that are no layer's. */
export type ForeignCompression = 'xz' | 'bzip2'

/** `start` holds the first bytes of the blob, at least six unless it is shorter. Failure unsupported for what can't be read. */
export function detectCompression(start: Buffer): Compression {
  const magic = start.subarray(0, 6).toString('hex')
  if (magic.startsWith('1f8b')) return 'gzip'
  if (magic.startsWith('28b52ffd') || /^5.2a4d18/.test(magic)) return 'zstd'
  const other = namedBy(magic)
  if (other !== undefined) throw new Failure('unsupported', `it is compressed with ${other}; tar, gzip and zstd are understood`)
  return 'none'
}

const namedBy = (magic: string): string | undefined => NAMED.find(([bytes]) => magic.startsWith(bytes))?.[1]

export function foreignCompression(start: Buffer): ForeignCompression | undefined {
  const name = namedBy(start.subarray(0, 6).toString('hex'))
  return name === 'xz' || name === 'bzip2' ? name : undefined
}

/** `checked`: compare the sums in the stream, where no digest of the decompressed bytes is known. */
export function makeDecompressor(compression: Compression, onBytes: OnBytes, { checked }: { readonly checked: boolean } = { checked: true }): Decompressor {
  if (compression === 'none') return { write: async (chunk) => { onBytes(chunk) }, finish: async () => {} }
  return compression === 'gzip' ? gzipDecompressor(onBytes, checked) : new ZstdDecompressor(onBytes)
}

const broken = (compression: Compression, error: unknown): Failure =>
  new Failure('invalid', `broken ${compression}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })

/** In the calling thread: there is a thread for each layer already. */
function gzipDecompressor(onBytes: OnBytes, checked: boolean): Decompressor {
  const inflate = gunzip({ checked })
  const output = Buffer.allocUnsafeSlow(CHUNK)
  let state: Inflated['state'] = 'memberEnded'
  const step = (chunk: Buffer, at: number): Inflated => {
    try {
      return inflate(chunk, at, output)
    } catch (error) {
      throw broken('gzip', error)
    }
  }
  return {
    async write(chunk) {
      for (let at = 0, full = false; (at < chunk.length || full) && state !== 'padded';) {
        const { read, written, state: reached } = step(chunk, at)
        at += read
        state = reached
        full = written === output.length
        if (written > 0) onBytes(output.subarray(0, written))
      }
    },
    async finish() {
      if (state === 'inside') throw broken('gzip', 'unexpected end of file')
    },
  }
}

class ZstdDecompressor implements Decompressor {
  readonly #onBytes: OnBytes
  #decoder: ZstdDecompress
  #fed = 0
  #ended = false
  #error: unknown
  #queue: Buffer[] = []
  #settle: (() => void) | undefined

  constructor(onBytes: OnBytes) {
    this.#onBytes = onBytes
    this.#decoder = this.#start()
  }

  #start(): ZstdDecompress {
    this.#fed = 0
    this.#ended = false
    const decoder = createZstdDecompress({ chunkSize: CHUNK })
    decoder.on('data', (chunk: Buffer) => this.#take(chunk))
    decoder.on('end', () => {
      this.#ended = true
      this.#settle?.()
    })
    decoder.on('error', (error) => this.#fail(broken('zstd', error)))
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
    this.#fed += chunk.length
    await new Promise<void>((resolve) => {
      this.#settle = resolve
      this.#decoder.write(chunk, () => resolve())
    })
    this.#check()
    if (!this.#ended) return
    // The stream is over but the input isn't, as after a skippable frame.
    const rest = this.#fed - this.#decoder.bytesWritten
    this.#decoder = this.#start()
    if (rest > 0) await this.write(chunk.subarray(chunk.length - rest))
  }

  async finish(): Promise<void> {
    if (!this.#ended && this.#error === undefined && this.#fed > 0) {
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
