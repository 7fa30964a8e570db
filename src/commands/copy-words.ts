// What `cp` is told: a path of this machine, `CONTAINER:PATH`, or - for an archive on standard input or output.
import { resolve } from 'node:path'
import { writeAll } from '../write-all.ts'
import { copyFiles, receiveFiles, sendFiles, type CopyEnd, type CopyOptions, type CopyPlace } from '../engine/copy-files.ts'
import { Failure } from '../errors.ts'
import { hostEnd } from '../engine/tree-end.ts'

const STREAM = '-'
const END_OF_ARCHIVE = Buffer.alloc(1024)

export interface CopyWord {
  /** Undefined: of this machine. */
  readonly container?: string | undefined
  readonly path: string
}

/** `CONTAINER:PATH` or a path; what begins with `.` or `/` is always a path. @throws Failure invalid */
export function parseCopyWord(word: string): CopyWord {
  const colon = word.indexOf(':')
  if (/^[./]/.test(word) || colon < 0) {
    if (word === '') throw new Failure('invalid', 'an empty path cannot be copied', { hint: 'give CONTAINER:PATH or a path' })
    return { path: word }
  }
  const [container, path] = [word.slice(0, colon), word.slice(colon + 1)]
  if (container === '' || path === '') throw new Failure('invalid', `"${word}" lacks a ${path === '' ? 'path' : 'container'}`, { hint: 'give CONTAINER:PATH' })
  return { container, path }
}

/** Both words. @throws Failure invalid: none of them is in a container */
export function parseCopyWords([source, target]: readonly string[]): { readonly from: CopyWord; readonly to: CopyWord } {
  const [from, to] = [parseCopyWord(source!), parseCopyWord(target!)]
  if (from.container === undefined && to.container === undefined) throw new Failure('invalid', 'neither the source nor the target is in a container', { hint: 'give CONTAINER:PATH for one of them' })
  return { from, to }
}

/** Copies as the words say; `ends` has the containers by the names that were typed. */
export async function copyByWords({ from, to }: ReturnType<typeof parseCopyWords>, ends: ReadonlyMap<string, CopyEnd>, options: CopyOptions): Promise<void> {
  const place = ({ container, path }: CopyWord): CopyPlace => (container === undefined ? { end: hostEnd(), path: absolute(path) } : { end: ends.get(container)!, path })
  if (to.container === undefined && to.path === STREAM) {
    for await (const chunk of await sendFiles(place(from))) writeAll(1, chunk)
    return writeAll(1, END_OF_ARCHIVE)
  }
  if (from.container === undefined && from.path === STREAM) return receiveFiles(place(to), process.stdin, options)
  await copyFiles(place(from), place(to), options)
}

/** As `resolve`, but what says "the contents" stays: `/` and `/.` at the end. */
const absolute = (path: string): string => `${resolve(path)}${/(?:^|\/)\.$/.test(path) ? '/.' : /.\/$/.test(path) ? '/' : ''}`
