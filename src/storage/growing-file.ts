// A file that one side writes in order while the other reads it. The reader takes what was written from the page cache,
// so that the same code unpacks a blob that arrives, one that a killed process left, and one that is complete.
import { closeSync, openSync, readSync } from 'node:fs'
import { Failure } from '../errors.ts'

const CHUNK = 1 << 18
/** The first piece tells what the file is. */
const FIRST = 6

export class GrowingFile {
  readonly #path: string
  #fd = -1
  #buffer: Buffer | undefined
  #position = 0
  #available = 0
  #complete = false
  #error: unknown
  #wake: (() => void) | undefined

  constructor(path: string) {
    this.#path = path
  }

  /** The first `availableBytes` are written. */
  grow(availableBytes: number): void {
    this.#available = availableBytes
    this.#wake?.()
  }

  /** Nothing more will come. */
  end(): void {
    this.#complete = true
    this.#wake?.()
  }

  abort(error: unknown): void {
    this.#error ??= error ?? new Failure('cancelled', 'cancelled')
    this.#wake?.()
  }

  /**
   * The next bytes, at most 256 KiB and at first at least six of those there will be, valid until the next call; undefined at
   * the end. Throws what `abort` was given.
   */
  async next(): Promise<Buffer | undefined> {
    while (this.#error === undefined && this.#available - this.#position < (this.#position === 0 ? FIRST : 1)) {
      if (this.#complete && this.#position >= this.#available) return undefined
      if (this.#complete) break
      await new Promise<void>((resolve) => { this.#wake = resolve })
      this.#wake = undefined
    }
    if (this.#error !== undefined) throw this.#error
    if (this.#fd < 0) this.#fd = openSync(this.#path, 'r')
    this.#buffer ??= Buffer.allocUnsafeSlow(CHUNK)
    const length = readSync(this.#fd, this.#buffer, 0, Math.min(CHUNK, this.#available - this.#position), this.#position)
    if (length === 0) throw new Failure('unavailable', `${this.#path} is shorter than what was written to it`)
    this.#position += length
    return this.#buffer.subarray(0, length)
  }

  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd)
    this.#fd = -1
  }
}
