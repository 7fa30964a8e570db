// A tar stream into a tree that others may write to meanwhile: the root of a running container, or a directory of the
// host that a container's files go to. Every name is resolved inside the root, every change goes through a descriptor
// of its directory and follows no link, so that neither archive nor container can reach anything outside.
import { closeSync, constants, fchmodSync, fchownSync, fstatSync, ftruncateSync, futimesSync, lchownSync, linkSync, lstatSync, lutimesSync, mkdirSync, openSync, statfsSync, symlinkSync, unlinkSync, writeSync } from 'node:fs'
import { Failure } from '../errors.ts'
import { openDirInRoot } from '../fs/open-dir-in-root.ts'
import { removeDirectory } from '../fs/remove-directory.ts'
import { lsetxattr } from '../sys/addon.ts'
import { isOverlayXattr, nodeTime } from './attributes.ts'
import { bytePath, cleanName, joinPath, lastName, parentPath, shownPath, systemPath, type BytePath } from './byte-path.ts'
import { explainCopy } from './explain-copy.ts'
import { TarParser } from './tar-parser.ts'
import type { TarEntry, TarSink } from './tar-entry.ts'

export interface ReceiveTree {
  readonly root: string
  /** An existing directory inside the root; `.` is the root. */
  readonly dir: string
  /** Of everything that is made; absent: what the archive says, by `ids`. */
  readonly owner?: { readonly uid: number; readonly gid: number } | undefined
  /** From the ids in the archive to those on disk. */
  readonly ids?: { readonly uid: (id: number) => number; readonly gid: (id: number) => number }
  /** A directory may take the place of something else, and the other way round. */
  readonly overwrite: boolean
  /** Set-id bits and attributes that give rights are kept: not for what a container sends to the host. */
  readonly privileges: boolean
}

const MAX_ENTRIES = 10_000_000
const CREATE = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW
const IN_PLACE = constants.O_WRONLY | constants.O_TRUNC | constants.O_NOFOLLOW | constants.O_NONBLOCK
const SECOND = 1_000_000_000n
const RIGHTS = /^(?:security|trusted|system)\./

/** Takes the whole stream. Devices are left out. @throws invalid: a broken or hostile archive; unavailable: no space */
export async function receiveTree(receive: ReceiveTree, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const receiver = new TreeReceiver(receive)
  const parser = new TarParser(receiver)
  try {
    for await (const chunk of chunks) parser.feed(Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))
    parser.finish()
    receiver.finish()
  } catch (error) {
    throw explainCopy(error, receiver.current)
  } finally {
    receiver.close()
  }
}

interface Deferred { readonly path: BytePath; readonly entry: TarEntry }

class TreeReceiver implements TarSink {
  readonly #receive: ReceiveTree
  readonly #base: BytePath
  readonly #directories: Deferred[] = []
  #openPath: BytePath | undefined
  #openFd = -1
  #entries = 0
  #bytesLeft: number
  #entry: TarEntry | undefined
  #file = -1
  #segment = 0
  #inSegment = 0
  /** Name of the member at hand, for messages. */
  current: BytePath = ''

  constructor(receive: ReceiveTree) {
    this.#receive = receive
    this.#base = bytePath(receive.dir)
    const { bavail, bsize } = statfsSync(`/proc/self/fd/${this.#enter('')}`)
    this.#bytesLeft = bavail * bsize
  }

  begin(entry: TarEntry): void {
    this.current = entry.name
    if (++this.#entries > MAX_ENTRIES) throw new Failure('invalid', `more than ${MAX_ENTRIES} entries`)
    const path = cleanName(entry.name)
    if (path === '' || entry.type === 'character' || entry.type === 'block') return
    const parent = this.#enter(parentPath(path))
    const at = `/proc/self/fd/${parent}/${lastName(path)}`
    if (entry.type === 'file') this.#openFile(systemPath(at), entry)
    else if (entry.type === 'directory') this.#makeDirectory(at, { path, entry })
    else if (entry.type === 'symlink') this.#symlink(systemPath(at), entry)
    else if (entry.type === 'link') this.#link(path, entry)
  }

  data(chunk: Buffer, start: number, end: number): void {
    if (this.#file < 0) return
    this.#bytesLeft -= end - start
    if (this.#bytesLeft < 0) throw new Failure('unavailable', 'it is larger than the space that is left there')
    const sparse = this.#entry?.sparse
    if (!sparse) return writeWhole(this.#file, chunk.subarray(start, end), null)
    for (let at = start; at < end;) {
      const segment = sparse[this.#segment]
      if (!segment) return
      const length = Math.min(end - at, segment.length - this.#inSegment)
      writeWhole(this.#file, chunk.subarray(at, at + length), segment.offset + this.#inSegment)
      at += length
      this.#inSegment += length
      if (this.#inSegment === segment.length) { this.#segment++; this.#inSegment = 0 }
    }
  }

  end(): void {
    if (this.#file < 0) return
    const [fd, entry] = [this.#file, this.#entry!]
    this.#file = -1
    try {
      if (entry.sparse !== undefined) ftruncateSync(fd, entry.size)
      this.#settle(fd, entry)
    } finally {
      closeSync(fd)
    }
  }

  /** Directories get modes and times last. */
  finish(): void {
    this.current = ''
    for (const { path, entry } of this.#directories.reverse()) {
      const fd = openDirInRoot(this.#receive.root, systemPath(joinPath(this.#base, path)))
      if (fd === undefined) continue
      try {
        this.#settle(fd, entry)
      } finally {
        closeSync(fd)
      }
    }
  }

  close(): void {
    for (const fd of [this.#openFd, this.#file]) if (fd >= 0) closeSync(fd)
    this.#openFd = this.#file = -1
  }

  /** A descriptor of that directory, made where it lacks; ours to close. */
  #enter(path: BytePath): number {
    if (this.#openPath === path) return this.#openFd
    const full = systemPath(joinPath(this.#base, path))
    let fd = openDirInRoot(this.#receive.root, full)
    if (fd === undefined) {
      if (path === '') throw new Failure('notFound', `there is no directory ${this.#receive.dir}`)
      const above = this.#enter(parentPath(path))
      this.#make(systemPath(`/proc/self/fd/${above}/${lastName(path)}`), 0o755)
      fd = openDirInRoot(this.#receive.root, full)
      if (fd === undefined) throw new Failure('invalid', `${shownPath(path)} is no directory there`)
      const { owner } = this.#receive
      if (owner) fchownSync(fd, owner.uid, owner.gid)
    }
    if (this.#openFd >= 0) closeSync(this.#openFd)
    this.#openPath = path
    return this.#openFd = fd
  }

  #make(at: string | Buffer, mode: number): void {
    try {
      mkdirSync(at, { mode })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  }

  #openFile(at: string | Buffer, entry: TarEntry): void {
    this.#entry = entry
    this.#segment = this.#inSegment = 0
    const isBusy = this.#clear(at)
    this.#file = openSync(at, isBusy ? IN_PLACE : CREATE, 0o600)
    if (!fstatSync(this.#file).isFile()) throw new Failure('invalid', 'what is there is no file')
  }

  #makeDirectory(at: string, { path, entry }: Deferred): void {
    const there = lstatSync(systemPath(at), { throwIfNoEntry: false })
    if (there && !there.isDirectory()) {
      if (!this.#receive.overwrite) throw new Failure('invalid', 'a directory cannot take the place of what is there', { hint: 'use --overwrite' })
      unlinkSync(systemPath(at))
    }
    this.#make(systemPath(at), 0o700)
    this.#directories.push({ path, entry })
  }

  #symlink(at: string | Buffer, entry: TarEntry): void {
    if (entry.linkName === '') throw new Failure('invalid', 'a symbolic link to nothing')
    this.#clear(at)
    symlinkSync(systemPath(entry.linkName), at)
    const { uid, gid } = this.#ownerOf(entry)
    lchownSync(at, uid, gid)
    lutimesSync(at, timeOf(entry), timeOf(entry))
  }

  #link(path: BytePath, entry: TarEntry): void {
    const target = cleanName(entry.linkName)
    if (target === path) return
    const directory = openDirInRoot(this.#receive.root, systemPath(joinPath(this.#base, parentPath(target))))
    if (directory === undefined) throw new Failure('invalid', `a hard link to ${shownPath(target)}, which is not there`)
    try {
      const at = systemPath(`/proc/self/fd/${this.#enter(parentPath(path))}/${lastName(path)}`)
      this.#clear(at)
      linkSync(systemPath(`/proc/self/fd/${directory}/${lastName(target)}`), at)
    } finally {
      closeSync(directory)
    }
  }

  /** Makes room for a new file. @returns whether it is mounted there and can only be written in place */
  #clear(at: string | Buffer): boolean {
    try {
      unlinkSync(at)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'ENOENT') return false
      if (code === 'EBUSY') return true
      if (code !== 'EISDIR') throw error
      if (!this.#receive.overwrite) throw new Failure('invalid', 'a file cannot take the place of the directory that is there', { hint: 'use --overwrite' })
      removeDirectory(at)
    }
    return false
  }

  #ownerOf({ uid, gid }: TarEntry): { uid: number; gid: number } {
    const { owner, ids } = this.#receive
    return owner ?? { uid: ids ? ids.uid(uid) : uid, gid: ids ? ids.gid(gid) : gid }
  }

  /** Owner first: it clears set-id bits and capabilities. */
  #settle(fd: number, entry: TarEntry): void {
    const { uid, gid } = this.#ownerOf(entry)
    const { privileges } = this.#receive
    fchownSync(fd, uid, gid)
    fchmodSync(fd, privileges ? entry.mode : entry.mode & 0o1777)
    if (entry.type === 'file' && this.#openFd >= 0) this.#setXattrs(entry)
    futimesSync(fd, timeOf(entry), timeOf(entry))
  }

  /** By name below the open directory, as there is no call by descriptor that Node has; a link there is not followed. */
  #setXattrs({ name, xattrs }: TarEntry): void {
    const at = systemPath(`/proc/self/fd/${this.#openFd}/${lastName(cleanName(name))}`)
    for (const [key, value] of xattrs) {
      if (isOverlayXattr(key) || (!this.#receive.privileges && RIGHTS.test(key))) continue
      try {
        lsetxattr(at, key, value)
      } catch (error) {
        if (!['EOPNOTSUPP', 'ENOTSUP', 'EPERM', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
      }
    }
  }
}

const LATEST_SECONDS = 2 ** 40
const timeOf = ({ mtimeNs }: TarEntry): number | string => {
  const seconds = Number(mtimeNs) / Number(SECOND)
  return nodeTime(Math.abs(seconds) > LATEST_SECONDS ? 0 : seconds)
}

function writeWhole(fd: number, bytes: Buffer, position: number | null): void {
  for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at, bytes.length - at, position === null ? null : position + at)
}
