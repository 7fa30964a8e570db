import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { Failure } from '../../errors.ts'

/** A reader sees the old text or the new. @throws Failure denied */
export function writeFileAtomic(path: string, text: string): void {
  const temporary = `${path}.${process.pid}.tmp`
  try {
    writeFileSync(temporary, text, { mode: 0o644, flush: true })
    renameSync(temporary, path)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw new Failure('denied', `cannot write ${path}: ${(error as NodeJS.ErrnoException).code}`, { cause: error })
  }
}
