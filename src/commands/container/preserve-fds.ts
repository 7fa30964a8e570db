import { readlinkSync } from 'node:fs'
import { Failure } from '../../errors.ts'

const FIRST = 3

/** `--preserve-fds N`: 3 to 3+N-1; `--preserve-fd A,B`: exactly these. @throws Failure invalid */
export function descriptors({ preserveFds, preserveFd }: { readonly preserveFds: number | undefined; readonly preserveFd: readonly string[] }): number[] {
  if (preserveFds !== undefined && preserveFd.length > 0) throw new Failure('invalid', '--preserve-fds and --preserve-fd exclude each other')
  if (preserveFds !== undefined && (preserveFds < 0 || preserveFds > 1024)) throw new Failure('invalid', `invalid value "${preserveFds}" for --preserve-fds: expected 0 to 1024`)
  const listed = preserveFd.map((text) => {
    if (!/^\d{1,6}$/.test(text) || Number(text) < FIRST) throw new Failure('invalid', `invalid value "${text}" for --preserve-fd: expected the number of a descriptor, 3 or more`)
    return Number(text)
  })
  const wanted = [...Array.from({ length: preserveFds ?? 0 }, (_, at) => FIRST + at), ...listed]
  const missing = wanted.find((fd) => !isOpen(fd))
  if (missing !== undefined) throw new Failure('invalid', `file descriptor ${missing} is not open`, { hint: `pass it on: scow ... ${missing}<FILE` })
  return wanted
}

/** Where nothing was passed on, Node's own poll descriptor is the first. */
function isOpen(fd: number): boolean {
  try {
    return !/^anon_inode:\[(eventpoll|io_uring)\]$/.test(readlinkSync(`/proc/self/fd/${fd}`))
  } catch {
    return false
  }
}
