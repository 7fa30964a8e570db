// Looks through a chain of layer trees as overlayfs would show them, without mounting it.
import { lstatSync, readlinkSync, type BigIntStats } from 'node:fs'
import { bytePath, joinPath, systemPath, type BytePath } from './byte-path.ts'
import { hides, isOpaque, type WhiteoutStyle } from './whiteouts.ts'

export interface Seen {
  /** Without symlinks in its parents; relative to the root. */
  readonly path: BytePath
  /** Absolute path in the topmost layer that has it. */
  readonly file: BytePath
  readonly stats: BigIntStats
  /** A directory's absolute paths in all layers that contribute, topmost first. */
  readonly directories: readonly BytePath[]
}

const MAX_LINKS = 40

export class LowerView {
  readonly #style: WhiteoutStyle
  readonly #root: Seen | undefined
  /** Paths asked for have parents in common, and these trees do not change. */
  readonly #known = new Map<BytePath, Seen | undefined>()

  /** `trees`: absolute, topmost first. */
  constructor(trees: readonly string[], style: WhiteoutStyle) {
    this.#style = style
    this.#root = this.#merge('', trees.map(bytePath))
  }

  /** What is at `path`; symlinks among its parents are followed inside the root, the last one is not. */
  find(path: BytePath): Seen | undefined {
    return this.#walk(path, false).seen
  }

  /** `path` with all symlinks followed, as far as they lead; the end needn't exist. */
  resolve(path: BytePath): BytePath {
    return this.#walk(path, true).path
  }

  child(directory: Seen, name: BytePath): Seen | undefined {
    return this.#merge(joinPath(directory.path, name), directory.directories.map((layer) => `${layer}/${name}`))
  }

  #knownChild(directory: Seen, name: BytePath): Seen | undefined {
    const path = joinPath(directory.path, name)
    if (!this.#known.has(path)) this.#known.set(path, this.child(directory, name))
    return this.#known.get(path)
  }

  #merge(path: BytePath, candidates: readonly BytePath[]): Seen | undefined {
    let top: { file: BytePath, stats: BigIntStats } | undefined
    const directories: BytePath[] = []
    for (const [index, file] of candidates.entries()) {
      const stats = lstatSync(systemPath(file), { bigint: true, throwIfNoEntry: false })
      if (hides(file, stats, this.#style)) break
      if (stats === undefined) continue
      top ??= { file, stats }
      if (!stats.isDirectory()) break
      directories.push(file)
      if (index < candidates.length - 1 && isOpaque(file, this.#style)) break
    }
    return top && { path, file: top.file, stats: top.stats, directories }
  }

  #walk(path: BytePath, followEnd: boolean): { path: BytePath, seen: Seen | undefined } {
    let todo = path.split('/')
    let links = 0
    // From the root down; undefined where nothing is.
    let line: { path: BytePath, seen: Seen | undefined }[] = []
    const here = () => line.at(-1) ?? { path: '', seen: this.#root }
    for (let name = todo.shift(); name !== undefined; name = todo.shift()) {
      if (name === '' || name === '.') continue
      if (name === '..') {
        line.pop()
        continue
      }
      const { path: parent, seen: directory } = here()
      const found = directory === undefined ? undefined : this.#knownChild(directory, name)
      if (found?.stats.isSymbolicLink() && (todo.length > 0 || followEnd)) {
        if (++links > MAX_LINKS) return { path, seen: undefined }
        const target = readlinkSync(systemPath(found.file), { encoding: 'buffer' }).toString('latin1')
        if (target.startsWith('/')) line = []
        todo = [...target.split('/'), ...todo]
      } else line.push({ path: joinPath(parent, name), seen: found })
    }
    return here()
  }
}
