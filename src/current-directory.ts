import { readlinkSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'

/** What relative paths start from. Of one that has been removed, the kernel's own "PATH (deleted)": nothing is below it, and who gives no relative path needs none. */
export function currentDirectory(): string {
  try {
    return process.cwd()
  } catch {
    return readlinkSync('/proc/self/cwd')
  }
}

/** For what is used from another directory later. */
export const absolutePath = (path: string): string => (isAbsolute(path) ? path : join(currentDirectory(), path))
