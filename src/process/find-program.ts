import { accessSync, constants, statSync } from 'node:fs'
import { join } from 'node:path'
import { absolutePath } from '../current-directory.ts'

/** Searched after the directories a configuration names. */
export const PROGRAM_DIRS: readonly string[] = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin']

/** The executable file `name` in the first of `dirs` that has it; a name with a slash is a path already, of whatever kind. Absolute. */
export const findProgram = (name: string, dirs: readonly string[] = PROGRAM_DIRS): string | undefined =>
  name.includes('/')
    ? isProgram(name) ? absolutePath(name) : undefined
    : dirs.map((dir) => join(dir, name)).find(isProgram)

const isProgram = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}
