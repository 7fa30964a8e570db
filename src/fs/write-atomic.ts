// Files that are whole or not there at all.
import { closeSync, existsSync, fsyncSync, openSync, readdirSync, renameSync, rmSync, unlinkSync, writeSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

export interface AtomicOptions {
  /** Default 0o644. */
  readonly mode?: number
  /** Whether it must survive a power cut: syncs file and directory. Default true. */
  readonly sync?: boolean
}

let counter = 0

/** Readers see the old content or the new one, never a part; an error leaves the old one. */
export const writeFileAtomic = (path: string, content: string | Uint8Array, { mode = 0o644, sync = true }: AtomicOptions = {}): void => {
  const temporary = `${path}.${process.pid}.${counter++}.tmp`
  try {
    writeWhole(temporary, content, { mode, sync })
    renameSync(temporary, path)
  } catch (error) {
    discard(temporary)
    throw error
  }
  if (sync) syncDir(dirname(path))
}

/** Removes what writers of `path` left that were killed. Only while nobody writes it. */
export const removeUnfinished = (path: string): void => {
  const beginning = `${basename(path)}.`
  if (!existsSync(dirname(path))) return
  for (const name of readdirSync(dirname(path))) {
    if (name.startsWith(beginning) && /^\d+\.\d+\.tmp$/.test(name.slice(beginning.length))) rmSync(join(dirname(path), name), { force: true })
  }
}

/** Removes what writers in `dir` left that do not live any more, at any time. */
export const removeAbandoned = (dir: string): void => {
  if (!existsSync(dir)) return
  for (const name of readdirSync(dir)) {
    const pid = /\.(\d+)\.\d+\.tmp$/.exec(name)?.[1]
    if (pid !== undefined && !existsSync(join('/proc', pid))) rmSync(join(dir, name), { force: true })
  }
}

const writeWhole = (path: string, content: string | Uint8Array, { mode, sync }: Required<AtomicOptions>): void => {
  const fd = openSync(path, 'wx', mode)
  try {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content
    for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done)
    if (sync) fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

const discard = (path: string): void => {
  try {
    unlinkSync(path)
  } catch {
    // It was never made, or is gone: the error that brought us here is the one to report.
  }
}

/** Makes what was created, renamed or removed in `dir` survive a power cut. */
export const syncDir = (dir: string): void => {
  const fd = openSync(dir, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
