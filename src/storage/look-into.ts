// Single files of an image as its root would show them, without mounting it.
import { readFileBounded } from '../fs/read-in-root.ts'
import type { Digest } from '../image/digest.ts'
import { bytePath, systemPath } from './byte-path.ts'
import { treesOf } from './container-dirs.ts'
import { LowerView, type Seen } from './lower-view.ts'
import type { Store } from './store.ts'

type Parts = Pick<Store, 'paths' | 'style'>

/** Undefined too for a chain of links that ends nowhere. */
function find({ paths, style }: Parts, chainIds: readonly Digest[], path: string): Seen | undefined {
  const view = new LowerView(treesOf(paths, chainIds), style)
  const seen = view.find(view.resolve(bytePath(path)))
  return seen?.stats.isSymbolicLink() ? undefined : seen
}

export const imageHas = (store: Parts, chainIds: readonly Digest[], path: string): boolean => find(store, chainIds, path) !== undefined

export function imageText(store: Parts, chainIds: readonly Digest[], { path, maxBytes }: { path: string; maxBytes: number }): string | undefined {
  const seen = find(store, chainIds, path)
  return seen && readFileBounded(systemPath(seen.file), maxBytes).toString('utf8')
}
