// Sparse members: the old GNU format ('S', its map in header blocks) and PAX 1.0 (its map as text before the data).
// GNU tar manual, "Storing Sparse Files".
import { Failure } from '../errors.ts'
import { BLOCK, unsigned } from './tar-header.ts'
import type { SparseSegment } from './tar-entry.ts'

const MAX_SEGMENTS = 1 << 20
const NEWLINE = 10

/** Gathers a map block by block. `add` returns true once it is complete. */
export class SparseMapReader {
  readonly segments: SparseSegment[] = []
  realSize: number | undefined
  complete = false
  readonly #inData: boolean
  #numbersLeft: number | undefined
  #digits = ''
  #offset: number | undefined

  constructor(inData: boolean) {
    this.#inData = inData
  }

  static inData = (): SparseMapReader => new SparseMapReader(true)

  add(block: Buffer, at: number): boolean {
    if (this.#inData) this.#addText(block, at)
    else this.#addBinary(block, at)
    return this.complete
  }

  /** `count` entries of 24 bytes at `at`; an offset of zero length with no digits ends the list. */
  addEntries(block: Buffer, at: number, count: number): void {
    for (let entry = at; entry < at + count * 24; entry += 24) {
      if (block[entry] === 0) break
      this.#push(unsigned(block, entry, 12, 'sparse offset'), unsigned(block, entry + 12, 12, 'sparse length'))
    }
  }

  #addBinary(block: Buffer, at: number): void {
    this.addEntries(block, at, 21)
    this.complete = block[at + 504] === 0
  }

  #addText(block: Buffer, at: number): void {
    for (let index = at; index < at + BLOCK && !this.complete; index++) {
      const byte = block[index] as number
      if (byte === NEWLINE) this.#addNumber()
      else if (byte >= 48 && byte <= 57 && this.#digits.length < 15) this.#digits += String.fromCharCode(byte)
      else throw new Failure('invalid', 'broken sparse map')
    }
  }

  #addNumber(): void {
    if (this.#digits === '') throw new Failure('invalid', 'broken sparse map')
    const value = Number(this.#digits)
    this.#digits = ''
    if (this.#numbersLeft === undefined) this.#numbersLeft = value * 2
    else {
      this.#numbersLeft--
      if (this.#offset === undefined) this.#offset = value
      else {
        this.#push(this.#offset, value)
        this.#offset = undefined
      }
    }
    this.complete = this.#numbersLeft === 0
  }

  #push(offset: number, length: number): void {
    if (this.segments.length >= MAX_SEGMENTS) throw new Failure('invalid', 'a sparse map without end')
    this.segments.push({ offset, length })
  }
}

/** The old GNU format: four entries in the header itself, more in following blocks while a flag says so. */
export function parseGnuSparse(block: Buffer, at: number): SparseMapReader {
  const reader = new SparseMapReader(false)
  reader.addEntries(block, at + 386, 4)
  reader.realSize = unsigned(block, at + 483, 12, 'size')
  reader.complete = block[at + 482] === 0
  return reader
}

/** Refuses maps that overlap, run backwards, pass the file's end or don't cover the stored bytes. */
export function checkSparse(segments: readonly SparseSegment[], { size, storedSize }: { size: number, storedSize: number }): void {
  let position = 0
  let stored = 0
  for (const { offset, length } of segments) {
    if (offset < position || offset + length > size) throw new Failure('invalid', 'a sparse map that contradicts itself')
    position = offset + length
    stored += length
  }
  if (stored !== storedSize) throw new Failure('invalid', `a sparse map of ${stored} bytes for ${storedSize} stored ones`)
}
