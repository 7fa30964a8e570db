// Writes the members of an archive as one layer's tree. Synchronous: a file is a handful of calls that don't wait, and
// promises around them cost more than they do.
import { constants, linkSync, lstatSync, openSync, symlinkSync, writeSync, ftruncateSync, closeSync } from 'node:fs'
import { Failure } from '../errors.ts'
import { mknod } from '../sys/addon.ts'
import { finishFile, setAttributes, type Fresh } from './attributes.ts'
import { cleanName, joinPath, lastName, parentPath, shownPath, systemPath, type BytePath } from './byte-path.ts'
import { StagedTree } from './staged-tree.ts'
import { OPAQUE_NAME, WHITEOUT_PREFIX, type WhiteoutStyle } from './whiteouts.ts'
import type { TarEntry, TarSink } from './tar-entry.ts'

export interface TreeLimits {
  /** Of all files together, as stored. */
  readonly maxBytes: number
  /** They are all that the disk has left: not as somebody wanted it. */
  readonly ofDisk: boolean
  readonly maxEntries: number
}

export const FREE_SPACE = 'free some space, for example with scow image prune'

/** Of more than `maxBytes`. */
export const tooLarge = ({ maxBytes, ofDisk }: TreeLimits): Failure =>
  (ofDisk && maxBytes === 0 ? new Failure('noSpace', 'there is no room to unpack it: 64 MiB of the file system are kept free, and no more than that is left', { hint: FREE_SPACE })
    : ofDisk ? new Failure('noSpace', `unpacked it takes more than ${maxBytes} bytes, and no more may be used here`, { hint: `of what is free on the file system 64 MiB are kept: ${FREE_SPACE}` })
    : new Failure('invalid', `more than ${maxBytes} bytes unpacked`, { hint: 'the limit is as configured' }))

/** What can be settled only when the layers below are known. */
export interface Unsettled {
  /** Directories that only members below them imply, parents first; '' is the root. */
  readonly implied: BytePath[]
  /** Hard links whose target is not in this layer. */
  readonly links: { readonly path: BytePath, readonly target: BytePath }[]
}

export interface WrittenTree extends Unsettled {
  readonly sizeBytes: number
  readonly entries: number
}

const CREATE = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW
const NODE_FORMAT = { character: constants.S_IFCHR, block: constants.S_IFBLK, fifo: constants.S_IFIFO } as const

export class TreeWriter implements TarSink {
  readonly #tree: StagedTree
  readonly #limits: TreeLimits
  readonly #fresh: Fresh
  readonly #links = new Map<BytePath, BytePath>()
  #sizeBytes = 0
  #entries = 0
  /** Name of the member at hand, for messages. */
  current = ''
  #entry: TarEntry | undefined
  #path: BytePath = ''
  #fd = -1
  #segment = 0
  #inSegment = 0

  constructor({ root, style, limits, umask }: { root: string, style: WhiteoutStyle, limits: TreeLimits, umask: number }) {
    this.#tree = new StagedTree(root, style)
    this.#limits = limits
    this.#fresh = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0, umask }
  }

  begin(entry: TarEntry): void {
    this.current = entry.name
    if (++this.#entries > this.#limits.maxEntries) throw new Failure('invalid', `more than ${this.#limits.maxEntries} entries`)
    this.#entry = undefined
    const name = cleanName(entry.name)
    if (name === '') return this.#rootEntry(entry)
    const last = lastName(name)
    const directory = this.#tree.enter(parentPath(name))
    if (last.startsWith(WHITEOUT_PREFIX)) return this.#whiteout(directory, last)
    this.#path = joinPath(directory, last)
    if (this.#links.size > 0) this.#links.delete(this.#path)
    this.#entry = entry
    if (entry.type === 'file') this.#openFile(entry)
    else if (entry.type === 'directory') this.#tree.makeDirectory(this.#path, entry)
    else if (entry.type === 'link') this.#link(entry)
    else if (entry.type === 'symlink') this.#symlink(entry)
    else this.#node(entry, entry.type)
  }

  data(chunk: Buffer, start: number, end: number): void {
    if (this.#fd < 0) return
    this.#sizeBytes += end - start
    if (this.#sizeBytes > this.#limits.maxBytes) throw tooLarge(this.#limits)
    const sparse = this.#entry?.sparse
    if (sparse === undefined) writeAll(this.#fd, chunk, { start, end, position: null })
    else this.#sparseData(chunk, start, end)
  }

  end(): void {
    if (this.#fd < 0) return
    const entry = this.#entry as TarEntry
    if (entry.sparse !== undefined) ftruncateSync(this.#fd, entry.size)
    const fd = this.#fd
    this.#fd = -1
    finishFile(fd, this.#tree.at(this.#path), { attributes: entry, fresh: this.#fresh })
  }

  /** Sets what directories must get last. */
  finish(): WrittenTree {
    const implied: BytePath[] = []
    for (const [path, attributes] of [...this.#tree.directories].reverse()) {
      this.current = path
      if (attributes === undefined) implied.push(path)
      else setAttributes(this.#tree.at(path), attributes, 'directory')
    }
    const links = [...this.#links].map(([path, target]) => ({ path, target }))
    return { implied: implied.reverse(), links, sizeBytes: this.#sizeBytes, entries: this.#entries }
  }

  /** After a failure. */
  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd)
    this.#fd = -1
  }

  #rootEntry(entry: TarEntry): void {
    if (entry.type !== 'directory') throw new Failure('invalid', `the root of the layer as a ${entry.type}`)
    this.#tree.makeDirectory('', entry)
  }

  #whiteout(directory: BytePath, name: BytePath): void {
    if (name === OPAQUE_NAME) return this.#tree.hideBelow(directory)
    if (name.startsWith(WHITEOUT_PREFIX + WHITEOUT_PREFIX)) return // other bookkeeping of AUFS
    const hidden = name.slice(WHITEOUT_PREFIX.length)
    if (hidden === '' || hidden === '.' || hidden === '..') throw new Failure('invalid', 'a whiteout of nothing')
    this.#tree.whiteOut(joinPath(directory, hidden))
  }

  #openFile(entry: TarEntry): void {
    const path = this.#tree.at(this.#path)
    // With marks by name a whiteout doesn't stand in the file's way, so it must be looked for.
    if (this.#tree.style === 'names' && this.#tree.isWhiteout(this.#path)) this.#tree.clear(this.#path)
    try {
      this.#fd = openSync(path, CREATE, entry.mode & 0o777)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      this.#tree.clear(this.#path)
      this.#fd = openSync(path, CREATE, entry.mode & 0o777)
    }
    this.#segment = 0
    this.#inSegment = 0
  }

  #sparseData(chunk: Buffer, start: number, end: number): void {
    const segments = this.#entry?.sparse ?? []
    for (let at = start; at < end;) {
      const segment = segments[this.#segment]
      if (segment === undefined) return
      const length = Math.min(end - at, segment.length - this.#inSegment)
      writeAll(this.#fd, chunk, { start: at, end: at + length, position: segment.offset + this.#inSegment })
      at += length
      this.#inSegment += length
      if (this.#inSegment === segment.length) {
        this.#segment++
        this.#inSegment = 0
      }
    }
  }

  #link(entry: TarEntry): void {
    const target = cleanName(entry.linkName)
    const directory = this.#tree.find(parentPath(target))
    const real = directory === undefined ? target : joinPath(directory, lastName(target))
    if (real === this.#path) return
    this.#tree.clear(this.#path)
    const stats = directory === undefined || this.#tree.isWhiteout(real) ? undefined : lstatSync(this.#tree.at(real), { throwIfNoEntry: false })
    if (stats === undefined) this.#links.set(this.#path, this.#links.get(real) ?? real)
    else if (stats.isDirectory()) throw new Failure('invalid', `a hard link to the directory ${shownPath(target)}`)
    else linkSync(this.#tree.at(real), this.#tree.at(this.#path))
  }

  #symlink(entry: TarEntry): void {
    if (entry.linkName === '') throw new Failure('invalid', 'a symbolic link to nothing')
    this.#tree.clear(this.#path)
    symlinkSync(systemPath(entry.linkName), this.#tree.at(this.#path))
    setAttributes(this.#tree.at(this.#path), entry, 'symlink')
  }

  #node(entry: TarEntry, type: keyof typeof NODE_FORMAT): void {
    // Overlay reads the device 0:0 as a whiteout, whoever put it there.
    if (type === 'character' && entry.devMajor === 0 && entry.devMinor === 0) return this.#tree.whiteOut(this.#path)
    this.#tree.clear(this.#path)
    mknod(this.#tree.at(this.#path), NODE_FORMAT[type] | 0o600, { major: entry.devMajor, minor: entry.devMinor })
    setAttributes(this.#tree.at(this.#path), entry, 'node')
  }
}

function writeAll(fd: number, chunk: Buffer, { start, end, position }: { start: number, end: number, position: number | null }): void {
  for (let at = start; at < end;) {
    const written = writeSync(fd, chunk, at, end - at, position === null ? null : position + (at - start))
    at += written
  }
}
