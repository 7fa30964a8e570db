// Looks through a chain of layer trees as overlayfs would show them, without mounting it.
import { lstatSync, readlinkSync, type BigIntStats } from 'node:fs'
import { bytePath, joinPath, parentPath, systemPath, type BytePath } from './byte-path.ts'
import { isOpaque, isWhiteout, type WhiteoutStyle } from './whiteouts.ts'

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

  /** `trees`: absolute, topmost first. */
  constructor(trees: readonly string[], style: WhiteoutStyle) {
    this.#style = style
    this.#root = this.#merge('', trees.map(bytePath))
  }

  /** What is at `path`; symlinks among its parents are followed inside the root, the last one is not. */
  find(path: BytePath): Seen | undefined {
    return this.#walk(path, false)
  }

  /** As `find`, but the end is followed too. */
  follow(path: BytePath): Seen | undefined {
    return this.#walk(path, true)
  }

  /** `path` with symlinks followed as far as they lead, also where its end doesn't exist. */
  resolve(path: BytePath): BytePath {
    let rest: BytePath[] = []
    for (let known = path; ; known = parentPath(known)) {
      const seen = this.#walk(known, true)
      if (seen !== undefined || known === '') return [...(seen === undefined || seen.path === '' ? [] : [seen.path]), ...rest].join('/')
      rest = [known.slice(known.lastIndexOf('/') + 1), ...rest]
    }
  }

  child(directory: Seen, name: BytePath): Seen | undefined {
    const candidates: BytePath[] = []
    for (const layer of directory.directories) {
      const file = `${layer}/${name}`
      if (isWhiteout(file, this.#style)) break
      candidates.push(file)
    }
    return this.#merge(joinPath(directory.path, name), candidates)
  }

  #merge(path: BytePath, candidates: readonly BytePath[]): Seen | undefined {
    let top: { file: BytePath, stats: BigIntStats } | undefined
    const directories: BytePath[] = []
    for (const file of candidates) {
      const stats = lstatSync(systemPath(file), { bigint: true, throwIfNoEntry: false })
      if (stats === undefined) continue
      top ??= { file, stats }
      if (!stats.isDirectory()) break
      directories.push(file)
      if (isOpaque(file, this.#style)) break
    }
    return top && { path, file: top.file, stats: top.stats, directories }
  }

  #walk(path: BytePath, followEnd: boolean): Seen | undefined {
    let todo = path.split('/')
    let links = 0
    const above: Seen[] = []
    let here = this.#root
    for (let name = todo.shift(); name !== undefined; name = todo.shift()) {
      if (here === undefined) return undefined
      if (name === '' || name === '.') continue
      if (name === '..') {
        here = above.pop() ?? here
        continue
      }
      const found = this.child(here, name)
      if (found?.stats.isSymbolicLink() && (todo.length > 0 || followEnd)) {
        if (++links > MAX_LINKS) return undefined
        const target = readlinkSync(systemPath(found.file), { encoding: 'buffer' }).toString('latin1')
        if (target.startsWith('/')) {
          above.length = 0
          here = this.#root
        }
        todo = [...target.split('/'), ...todo]
      } else {
        above.push(here)
        here = found
      }
    }
    return here
  }
}
