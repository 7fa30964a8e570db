// Makes one plain tree of a chain of layers: what an overlay mount would show, as copies.
import { mkdirSync } from 'node:fs'
import { readAttributes, setAttributes } from './attributes.ts'
import { bytePath, systemPath, type BytePath } from './byte-path.ts'
import { copyOrLink } from './copy-node.ts'
import { LowerView, type Seen } from './lower-view.ts'
import { namesIn, WHITEOUT_PREFIX, type WhiteoutStyle } from './whiteouts.ts'

/** `trees` topmost first; `target` is an empty directory. Returns the bytes of regular files, hard links once. */
export function mergeTree(trees: readonly string[], target: string, style: WhiteoutStyle): number {
  const view = new LowerView(trees, style)
  const copies = new Map<string, BytePath>()
  let bytes = 0
  const fill = (directory: Seen, to: BytePath): void => {
    const names = new Set(directory.directories.flatMap(namesIn))
    for (const name of names) {
      if (style === 'names' && name.startsWith(WHITEOUT_PREFIX)) continue
      const seen = view.child(directory, name)
      if (seen === undefined) continue
      const copy = `${to}/${name}`
      if (seen.stats.isDirectory()) {
        mkdirSync(systemPath(copy), 0o700)
        fill(seen, copy)
      } else {
        const known = copies.size
        copyOrLink(seen.file, copy, { stats: seen.stats, copies })
        if (seen.stats.isFile() && (seen.stats.nlink === 1n || copies.size > known)) bytes += Number(seen.stats.size)
      }
    }
    setAttributes(systemPath(to), readAttributes(systemPath(directory.file), directory.stats), 'directory')
  }
  const root = view.find('')
  if (root !== undefined) fill(root, bytePath(target))
  return bytes
}
