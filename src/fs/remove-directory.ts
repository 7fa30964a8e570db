import { closeSync, constants, lstatSync, openSync, readdirSync, rmdirSync, unlinkSync } from 'node:fs'

const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW

/** A directory that others write to: never through a link, whatever takes whose place meanwhile. */
export function removeDirectory(at: string | Buffer): void {
  const fd = openSync(at, DIRECTORY)
  try {
    for (const name of readdirSync(`/proc/self/fd/${fd}`, { encoding: 'buffer' })) {
      const inside = Buffer.concat([Buffer.from(`/proc/self/fd/${fd}/`), name])
      if (lstatSync(inside).isDirectory()) removeDirectory(inside)
      else unlinkSync(inside)
    }
  } finally {
    closeSync(fd)
  }
  rmdirSync(at)
}
