// What the functions of a bundle were compiled to is written for later runs. Loaded by the few runs that do so.
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { removeAbandoned, writeFileAtomic } from './fs/write-atomic.ts'

export function saveCode(file: string, bytes: Buffer): void {
  const dir = dirname(file)
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    removeAbandoned(dir)
    writeFileAtomic(file, bytes, { mode: 0o600, sync: false })
  } catch { /* the next start is slower, no more */ }
}
