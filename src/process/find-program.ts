import { accessSync, constants, statSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'

/** Searched after the directories a configuration names. */
export const PROGRAM_DIRS: readonly string[] = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin']

/** The executable file `name` in the first of `dirs` that has it; a name with a slash is a path already. */
export const findProgram = (name: string, dirs: readonly string[] = PROGRAM_DIRS): string | undefined =>
  isAbsolute(name) || name.includes('/')
    ? isProgram(name) ? name : undefined
    : dirs.map((dir) => join(dir, name)).find(isProgram)

const isProgram = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}
