// The files of a rotated log: path.N ... path.1, path.
import { statSync } from 'node:fs'
import { openReader, type LogReader } from './log-reader.ts'

export interface LogFile {
  readonly file: string
  /** Tells which file it is while names move. */
  readonly inode: bigint
}

/** A listing that a rotation never leaves alone for so long: the last one is taken as it is. */
const LISTINGS = 50

/**
 * `path.N` ... `path.1`, `path`: oldest first, those that exist. Names move while a monitor rotates, one after the other:
 * a listing counts once a second one finds the same.
 */
export function rotatedFiles(path: string): LogFile[] {
  let files = listFiles(path)
  for (let n = 1; n < LISTINGS; n++) {
    const again = listFiles(path)
    if (same(files, again)) break
    files = again
  }
  return files
}

function listFiles(path: string): LogFile[] {
  const inodeOf = (file: string): bigint | undefined => statSync(file, { bigint: true, throwIfNoEntry: false })?.ino
  const found: LogFile[] = []
  const newest = inodeOf(path)
  if (newest !== undefined) found.push({ file: path, inode: newest })
  // In mid rotation one name is free, never two beside each other, and one file may have two names.
  for (let n = 1, free = 0; free < 2; n++) {
    const inode = inodeOf(`${path}.${n}`)
    free = inode === undefined ? free + 1 : 0
    if (inode !== undefined && inode !== found[0]?.inode) found.unshift({ file: `${path}.${n}`, inode })
  }
  return found
}

const same = (a: readonly LogFile[], b: readonly LogFile[]): boolean =>
  a.length === b.length && a.every(({ file, inode }, n) => file === b[n]?.file && inode === b[n].inode)

/**
 * Opens the files that `choose` takes of those there are. Opened are the chosen files themselves, whatever they are called
 * by then; one that rotation has removed is left out.
 */
export function openRotated(path: string, choose: (files: LogFile[]) => (LogFile & { readonly offset?: number })[]): LogReader[] {
  for (let n = 1; ; n++) {
    const wanted = choose(rotatedFiles(path))
    const readers = wanted.map(({ file, offset }) => openReader(file, offset))
    const moved = readers.some((reader, at) => reader?.inode !== wanted[at]?.inode)
    if (!moved || n === LISTINGS) return readers.flatMap((reader) => reader ?? [])
    for (const reader of readers) reader?.close()
  }
}

/** The files written after this one, oldest first; all, when rotation has removed it. */
export const openNewer = (path: string, inode: bigint): LogReader[] =>
  openRotated(path, (files) => files.slice(files.findIndex((file) => file.inode === inode) + 1))
