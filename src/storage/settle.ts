// Layers are unpacked apart from each other, but archives are written to be unpacked on top of each other. What differs
// is settled here, when the layers below are known: directories that only their members imply, symlinks below that lead
// members elsewhere, hard links to files below.
import { linkSync, lstatSync, mkdirSync, readdirSync, renameSync, rmSync, rmdirSync } from 'node:fs'
import { Failure } from '../errors.ts'
import { readAttributes, setAttributes, setTime, type Attributes } from './attributes.ts'
import { bytePath, joinPath, parentPath, shownPath, systemPath, type BytePath } from './byte-path.ts'
import { copyNode } from './copy-node.ts'
import type { LowerView, Seen } from './lower-view.ts'
import type { Unsettled } from './tree-writer.ts'
import { isOpaque, isWhiteout, namesIn, WHITEOUT_PREFIX, type WhiteoutStyle } from './whiteouts.ts'

export interface Settling {
  readonly tree: string
  readonly unsettled: Unsettled
  readonly below: LowerView
  readonly style: WhiteoutStyle
}

/** Changes `tree` in place; returns the bytes that copies added. Failure invalid for a hard link to nothing. */
export const settle = (work: Settling): number => new Settler(work).run()

class Settler {
  readonly #root: BytePath
  readonly #unsettled: Unsettled
  readonly #below: LowerView
  readonly #style: WhiteoutStyle
  /** Implied directories that take what the layers below have. */
  readonly #inheriting = new Map<BytePath, Attributes>()
  /** Times of directories that get new names here, to be put back. */
  readonly #touched = new Map<BytePath, bigint>()
  readonly #moved = new Map<BytePath, BytePath>()
  /** Until something is moved. */
  readonly #cutOff = new Map<BytePath, boolean>()
  readonly #copies = new Map<string, BytePath>()
  #copiedBytes = 0

  constructor({ tree, unsettled, below, style }: Settling) {
    this.#root = bytePath(tree)
    this.#unsettled = unsettled
    this.#below = below
    this.#style = style
  }

  run(): number {
    for (const path of this.#unsettled.implied) this.#inherit(this.#whereabouts(path))
    for (const { path, target } of this.#unsettled.links) this.#link(this.#whereabouts(path), target)
    for (const [path, mtimeNs] of this.#touched) if (!this.#inheriting.has(path) && this.#isDirectory(path)) setTime(this.#at(path), mtimeNs)
    for (const [path, attributes] of [...this.#inheriting].reverse()) {
      if (this.#isDirectory(path)) setAttributes(this.#at(path), attributes, 'directory')
    }
    return this.#copiedBytes
  }

  #full(path: BytePath): BytePath {
    return path === '' ? this.#root : `${this.#root}/${path}`
  }

  #at(path: BytePath): string | Buffer {
    return systemPath(this.#full(path))
  }

  #isDirectory(path: BytePath): boolean {
    return lstatSync(this.#at(path), { throwIfNoEntry: false })?.isDirectory() === true
  }

  /** Where a path of the archive is after what has been moved so far. */
  #whereabouts(path: BytePath): BytePath {
    for (let parent = path; parent !== ''; parent = parentPath(parent)) {
      const target = this.#moved.get(parent)
      if (target !== undefined) return this.#whereabouts(target) + path.slice(parent.length)
    }
    return path
  }

  #inherit(path: BytePath): void {
    if (this.#inheriting.has(path) || !this.#isDirectory(path)) return
    const below = this.#seenBelow(path)
    if (below?.stats.isSymbolicLink()) return this.#moveAlongLink(path)
    if (below === undefined && path !== '' && this.#onlyHides(path)) {
      this.#touch(parentPath(path))
      return rmSync(this.#at(path), { recursive: true })
    }
    this.#inheriting.set(path, attributesLike(below))
  }

  /** Nothing when this layer itself cuts the path off from what is below. */
  #seenBelow(path: BytePath): Seen | undefined {
    return path !== '' && this.#isCutOff(parentPath(path)) ? undefined : this.#below.find(path)
  }

  /** Whether `directory` or one above it is opaque. */
  #isCutOff(directory: BytePath): boolean {
    const known = this.#cutOff.get(directory)
    if (known !== undefined) return known
    const cutOff = isOpaque(this.#full(directory), this.#style) || (directory !== '' && this.#isCutOff(parentPath(directory)))
    this.#cutOff.set(directory, cutOff)
    return cutOff
  }

  /** A directory that has nothing but whiteouts, with nothing below to hide, would appear from nowhere. */
  #onlyHides(path: BytePath): boolean {
    return namesIn(this.#full(path)).every((name) => {
      const full = `${this.#full(path)}/${name}`
      return this.#style === 'names' ? name.startsWith(WHITEOUT_PREFIX) : isWhiteout(full, this.#style)
    })
  }

  /** Unpacking on top would have followed the link, so the members go where it leads. */
  #moveAlongLink(path: BytePath): void {
    const target = this.#below.resolve(path)
    if (target === path || target.startsWith(`${path}/`)) return void this.#inheriting.set(path, newDirectory())
    this.#makeParents(joinPath(target, 'x'))
    this.#merge(path, target)
    this.#moved.set(path, target)
    this.#touch(parentPath(path))
    rmdirSync(this.#at(path))
  }

  #merge(from: BytePath, to: BytePath): void {
    this.#touch(to)
    for (const name of readdirSync(this.#at(from), { encoding: 'buffer' }).map((bytes) => bytes.toString('latin1'))) {
      const [source, target] = [joinPath(from, name), joinPath(to, name)]
      if (this.#isDirectory(source) && this.#isDirectory(target)) {
        this.#merge(source, target)
        rmdirSync(this.#at(source))
      } else {
        rmSync(this.#at(target), { recursive: true, force: true })
        renameSync(this.#at(source), this.#at(target))
      }
    }
  }

  /** Makes what lacks of the directories above `path`, like those below. */
  #makeParents(path: BytePath): void {
    const parent = parentPath(path)
    if (this.#isDirectory(parent)) return
    this.#makeParents(parent)
    this.#touch(parentPath(parent))
    rmSync(this.#at(parent), { force: true })
    mkdirSync(this.#at(parent), 0o700)
    this.#inheriting.set(parent, attributesLike(this.#seenBelow(parent)))
  }

  /** Before names in the directory `path` change. */
  #touch(path: BytePath): void {
    this.#cutOff.clear()
    if (!this.#touched.has(path)) this.#touched.set(path, lstatSync(this.#at(path), { bigint: true }).mtimeNs)
  }

  #link(path: BytePath, target: BytePath): void {
    const seen = this.#below.find(target)
    if (seen === undefined || seen.stats.isDirectory()) {
      throw new Failure('invalid', `entry "${shownPath(path)}": a hard link to ${shownPath(target)}, which is no file of this layer or those below`)
    }
    const copy = this.#copyOf(seen, path)
    if (copy === path) return
    this.#touch(parentPath(path))
    linkSync(this.#at(copy), this.#at(path))
  }

  /** The file's one copy in this layer: under its own name, or as `path` where this layer has hidden or replaced that. */
  #copyOf(seen: Seen, path: BytePath): BytePath {
    const key = `${seen.stats.dev}:${seen.stats.ino}`
    const known = this.#copies.get(key)
    if (known !== undefined) return known
    const place = this.#isFree(seen.path) ? seen.path : path
    this.#makeParents(place)
    this.#touch(parentPath(place))
    copyNode(seen.file, this.#full(place), seen.stats)
    this.#copies.set(key, place)
    if (seen.stats.isFile()) this.#copiedBytes += Number(seen.stats.size)
    return place
  }

  #isFree(path: BytePath): boolean {
    if (lstatSync(this.#at(path), { throwIfNoEntry: false }) !== undefined || isWhiteout(this.#full(path), this.#style)) return false
    for (let parent = parentPath(path); ; parent = parentPath(parent)) {
      const stats = lstatSync(this.#at(parent), { throwIfNoEntry: false })
      if (stats !== undefined && (!stats.isDirectory() || isOpaque(this.#full(parent), this.#style))) return false
      if (parent === '') return true
    }
  }
}

const attributesLike = (below: Seen | undefined): Attributes =>
  below?.stats.isDirectory() ? readAttributes(systemPath(below.file), below.stats) : newDirectory()

const newDirectory = (): Attributes =>
  ({ mode: 0o755, uid: 0, gid: 0, mtimeNs: BigInt(Date.now()) * 1_000_000n, xattrs: new Map() })
