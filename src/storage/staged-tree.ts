// The tree of one layer while it is unpacked. It lies in a directory that only we can enter, and every directory in it
// was made here, so a path whose parents are known is safe; all others are resolved by hand below the tree's root.
import { lstatSync, mkdirSync, readlinkSync, rmSync, unlinkSync } from 'node:fs'
import { Failure } from '../errors.ts'
import type { Attributes } from './attributes.ts'
import { bytePath, joinPath, parentPath, shownPath, systemPath, type BytePath } from './byte-path.ts'
import { makeOpaque, makeWhiteout, whiteoutPath, type WhiteoutStyle } from './whiteouts.ts'

const MAX_LINKS = 40

export class StagedTree {
  readonly root: BytePath
  readonly style: WhiteoutStyle
  /** Directories made so far with what the archive says of them; undefined for one that only members below imply. */
  readonly directories = new Map<BytePath, Attributes | undefined>([['', undefined]])
  readonly #whiteouts = new Set<BytePath>()

  /** `root` exists and is empty. */
  constructor(root: string, style: WhiteoutStyle) {
    this.root = bytePath(root)
    this.style = style
  }

  at(path: BytePath): string | Buffer {
    return systemPath(path === '' ? this.root : `${this.root}/${path}`)
  }

  /** The directory that members of `parent` go to, made where it lacks; symlinks lead on as they would in a chroot. */
  enter(parent: BytePath): BytePath {
    return this.directories.has(parent) ? parent : this.#walk(parent, true) as BytePath
  }

  /** The same without making anything; undefined where it isn't in this layer. */
  find(parent: BytePath): BytePath | undefined {
    return this.directories.has(parent) ? parent : this.#walk(parent, false)
  }

  #walk(path: BytePath, make: boolean): BytePath | undefined {
    let todo = path.split('/')
    let here: BytePath = ''
    let links = 0
    for (let name = todo.shift(); name !== undefined; name = todo.shift()) {
      if (name === '' || name === '.') continue
      if (name === '..') {
        here = parentPath(here)
        continue
      }
      const next = joinPath(here, name)
      if (this.directories.has(next)) {
        here = next
        continue
      }
      const target = this.#linkAt(next)
      if (target !== undefined) {
        if (++links > MAX_LINKS) throw new Failure('invalid', 'its path runs through a loop of symbolic links')
        if (target.startsWith('/')) here = ''
        todo = [...target.split('/'), ...todo]
      } else if (make) here = this.#imply(next)
      else return undefined
    }
    return here
  }

  #linkAt(path: BytePath): BytePath | undefined {
    const stats = lstatSync(this.at(path), { throwIfNoEntry: false })
    if (stats === undefined || this.#whiteouts.has(path)) return undefined
    if (!stats.isSymbolicLink()) throw new Failure('invalid', `it lies below ${shownPath(path)}, which is no directory`)
    return readlinkSync(this.at(path), { encoding: 'buffer' }).toString('latin1')
  }

  #imply(path: BytePath): BytePath {
    // Below a whiteout of this layer nothing can be inherited any more.
    const cut = this.#whiteouts.has(path)
    this.makeDirectory(path, cut ? { mode: 0o755, uid: 0, gid: 0, mtimeNs: BigInt(Date.now()) * 1_000_000n, xattrs: new Map() } : undefined)
    return path
  }

  /** Makes `path` a directory, whatever was there in this layer; its parent is entered. Attributes follow at the end. */
  makeDirectory(path: BytePath, attributes: Attributes | undefined): void {
    if (!this.directories.has(path)) {
      const replaced = this.clear(path)
      mkdirSync(this.at(path), 0o700)
      if (replaced) makeOpaque(`${this.root}/${path}`, this.style)
    }
    this.directories.set(path, attributes)
  }

  /** Removes what this layer has at `path`. True when there was something. */
  clear(path: BytePath): boolean {
    if (this.#whiteouts.delete(path)) {
      unlinkSync(systemPath(whiteoutPath(`${this.root}/${path}`, this.style)))
      return true
    }
    if (this.directories.has(path)) {
      this.#forget(path)
      rmSync(this.at(path), { recursive: true })
      return true
    }
    if (lstatSync(this.at(path), { throwIfNoEntry: false }) === undefined) return false
    unlinkSync(this.at(path))
    return true
  }

  #forget(path: BytePath): void {
    for (const known of this.directories.keys()) if (known === path || known.startsWith(`${path}/`)) this.directories.delete(known)
    for (const known of this.#whiteouts) if (known.startsWith(`${path}/`)) this.#whiteouts.delete(known)
  }

  /** Hides `path` of the layers below; what this layer itself has there stays. */
  whiteOut(path: BytePath): void {
    if (this.directories.has(path)) return this.hideBelow(path)
    if (this.#whiteouts.has(path) || lstatSync(this.at(path), { throwIfNoEntry: false }) !== undefined) return
    makeWhiteout(`${this.root}/${path}`, this.style)
    this.#whiteouts.add(path)
  }

  hideBelow(directory: BytePath): void {
    makeOpaque(directory === '' ? this.root : `${this.root}/${directory}`, this.style)
  }

  isWhiteout(path: BytePath): boolean {
    return this.#whiteouts.has(path)
  }
}

