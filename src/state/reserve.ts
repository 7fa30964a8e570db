// Room on the disk that is kept for the state: where a container's log or files have taken all there is, stopping and
// removing it must still be recorded.
import { rmSync, statSync, writeFileSync } from 'node:fs'

const PIECES = 8
const PIECE_BYTES = 64 * 1024

const pieceOf = (file: string, index: number): string => `${file}-reserve${index}`

/** Makes what lacks of it, where there is room. Never fails. */
export function keepReserve(file: string): void {
  if (isWhole(file, PIECES - 1)) return
  try {
    for (let index = 0; index < PIECES; index++) if (!isWhole(file, index)) writeFileSync(pieceOf(file, index), Buffer.alloc(PIECE_BYTES), { mode: 0o600 })
  } catch {
    // The disk is full now, or not ours to write on.
  }
}

/** Gives up a piece: who fills the disk takes the next bytes too, so not all at once. @returns false: there is none */
export function releasePiece(file: string): boolean {
  for (let index = PIECES - 1; index >= 0; index--) {
    if (!isThere(file, index)) continue
    rmSync(pieceOf(file, index), { force: true })
    return true
  }
  return false
}

const sizeOf = (file: string, index: number): number | undefined => statSync(pieceOf(file, index), { throwIfNoEntry: false })?.size
const isThere = (file: string, index: number): boolean => sizeOf(file, index) !== undefined
const isWhole = (file: string, index: number): boolean => sizeOf(file, index) === PIECE_BYTES
