import { closeSync, openSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { Failure, isFailure } from '../errors.ts'
import { removeTree } from '../fs/remove-tree.ts'
import { syncDir, writeFileAtomic } from '../fs/write-atomic.ts'
import { chainId as chainIdOf } from '../image/chain-id.ts'
import { algorithmOf, type Digest } from '../image/digest.ts'
import { renameExchange, syncfsAsync } from '../sys/addon.ts'
import { finalize } from './blob-files.ts'
import type { StagedLayer } from './ingest.ts'
import { hasTree, layerDir, listBroken, listChainIds, readLayer, RECORD, recordText, TREE } from './layer-record.ts'
import { imageHas, imageText } from './look-into.ts'
import { LowerView } from './lower-view.ts'
import { settle } from './settle.ts'
import type { Store } from './store.ts'
import type { Layer, LayerCommit, Layers, LayerSource } from './storage.ts'

/** `usedBy` names a container that stands on a layer. */
export function makeLayers(store: Store, usedBy: (chainId: Digest) => Promise<string | undefined>): Layers {
  const dir = store.paths.layers
  const find = async (chainId: Digest): Promise<Layer | undefined> => {
    const layer = readLayer(dir, chainId)
    return layer !== undefined && hasTree(layer) ? layer : undefined
  }
  const layers: Layers = {
    find,
    ingest: async (source, options = {}) => (await import('./ingest.ts')).ingest(store, source, {
      ...options,
      isCommitted: async () => source.chainId === undefined ? undefined : (await find(source.chainId))?.diffId,
    }),
    commit: async (ingested, parent) => (await layers.commitAll([{ ingested, parent }]))[0] as Layer,
    commitAll: (commits) => commitAll(store, commits),
    has: async (chainIds, path) => imageHas(store, chainIds, path),
    text: async (chainIds, file) => imageText(store, chainIds, file),
    rebuild: (chainId) => rebuild(store, chainId),
    remove: async (chainId) => remove(store, chainId, await usedBy(chainId)),
    list: async () => listChainIds(dir).flatMap((chainId) => readLayer(dir, chainId) ?? []),
    broken: async () => listBroken(dir),
  }
  return layers
}

interface Ready {
  readonly layer: Layer
  /** Staged directory to rename; undefined for a layer that exists. */
  readonly dir: string | undefined
}

async function commitAll(store: Store, commits: readonly LayerCommit[]): Promise<Layer[]> {
  const ready: Ready[] = []
  for (const { ingested, parent } of commits) ready.push(prepare(store, { ingested, parent, earlier: ready }))
  // Waited for: what is still being removed, the end of this process would leave behind.
  await Promise.all(commits.filter((_, index) => ready[index]!.dir === undefined).map(({ ingested }) => ingested.discard()))
  const fresh = ready.some(({ dir }) => dir !== undefined)
  if (store.sync && fresh) await syncAll(store.paths.layers)
  for (const { layer, dir } of ready) if (dir !== undefined) publish(dir, layerDir(store.paths.layers, layer.chainId))
  for (const { ingested } of commits) {
    if (store.options.keepBlobs === false) removeTree(store.files.verified(ingested.descriptor.digest))
    else finalize(store.files, ingested.descriptor.digest)
  }
  if (store.sync && fresh) {
    syncDir(store.paths.layers)
    for (const algorithm of new Set(commits.map(({ ingested }) => algorithmOf(ingested.descriptor.digest)))) {
      if (store.options.keepBlobs !== false) syncDir(join(store.files.dir, algorithm))
    }
  }
  return ready.map(({ layer }) => layer)
}

async function syncAll(path: string): Promise<void> {
  const fd = openSync(path, 'r')
  try {
    await syncfsAsync(fd)
  } finally {
    closeSync(fd)
  }
}

function prepare(store: Store, { ingested, parent, earlier }: LayerCommit & { earlier: readonly Ready[] }): Ready {
  const staged = ingested as StagedLayer
  const id = chainIdOf(parent, ingested.diffId)
  const existing = readLayer(store.paths.layers, id)
  if (existing !== undefined && hasTree(existing) || staged.dir === undefined) {
    if (existing === undefined) throw new Failure('notFound', `layer ${id} has gone while it was being pulled`, { hint: 'pull again' })
    return { layer: existing, dir: undefined }
  }
  const trees = treesBelow(store, parent, earlier)
  const copiedBytes = settleOn(store, trees, { ...staged, dir: staged.dir })
  const { digest, size, mediaType } = ingested.descriptor
  const layer: Layer = {
    chainId: id, diffId: ingested.diffId, parent, blob: { digest, size, mediaType },
    sizeBytes: ingested.sizeBytes + copiedBytes, entries: ingested.entries, tree: join(layerDir(store.paths.layers, id), TREE),
  }
  writeFileAtomic(join(staged.dir, RECORD), recordText(layer), { sync: false })
  return { layer, dir: staged.dir }
}

/** A failure names the layer. */
function settleOn(store: Store, below: readonly string[], staged: StagedLayer & { readonly dir: string }): number {
  try {
    return settle({ tree: join(staged.dir, TREE), unsettled: staged, below: new LowerView(below, store.style), style: store.style })
  } catch (error) {
    throw isFailure(error, 'invalid') ? new Failure('invalid', `layer ${staged.descriptor.digest}, ${error.message}`, { cause: error }) : error
  }
}

/** Trees of `chainId` and what is below it, topmost first; some may still be in staging. */
function treesBelow(store: Store, chainId: Digest | undefined, earlier: readonly Ready[]): string[] {
  const trees: string[] = []
  for (let id = chainId; id !== undefined;) {
    const staged = earlier.find(({ layer, dir }) => layer.chainId === id && dir !== undefined)
    const layer = staged?.layer ?? readLayer(store.paths.layers, id)
    if (layer === undefined) throw new Failure('notFound', `layer ${id} isn't in the store`)
    trees.push(staged?.dir === undefined ? layer.tree : join(staged.dir, TREE))
    id = layer.parent
  }
  return trees
}

/** Another process may have published the same layer meanwhile; a directory without its tree or its record is replaced. */
function publish(staged: string, final: string): void {
  try {
    renameSync(staged, final)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error
    renameExchange(staged, final)
    removeTree(staged)
  }
}

async function rebuild(store: Store, chainId: Digest): Promise<Layer> {
  const layer = readLayer(store.paths.layers, chainId)
  if (layer === undefined) throw new Failure('notFound', `layer ${chainId} isn't in the store`)
  const source: LayerSource = {
    descriptor: layer.blob, diffId: layer.diffId,
    open: async () => { throw new Failure('notFound', `the blob ${layer.blob.digest} of layer ${chainId} isn't in the store`, { hint: 'pull the image again' }) },
  }
  const { ingest } = await import('./ingest.ts')
  const staged = await ingest(store, source, { isCommitted: async () => undefined })
  const dir = staged.dir as string
  settleOn(store, treesBelow(store, layer.parent, []), { ...staged, dir })
  writeFileAtomic(join(dir, RECORD), recordText(layer), { sync: false })
  if (store.sync) await syncAll(store.paths.layers)
  publish(dir, layerDir(store.paths.layers, chainId))
  if (store.sync) syncDir(store.paths.layers)
  return layer
}

function remove(store: Store, chainId: Digest, user: string | undefined): void {
  const { layers } = store.paths
  const child = listChainIds(layers).find((id) => id !== chainId && readLayer(layers, id)?.parent === chainId)
  if (child !== undefined) throw new Failure('inUse', `layer ${chainId} is below layer ${child}`)
  if (user !== undefined) throw new Failure('inUse', `layer ${chainId} is used by container ${user}`)
  // In one step out of sight: a half removed tree is never a layer.
  const grave = store.staging.make()
  try {
    renameSync(layerDir(layers, chainId), join(grave, 'layer'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  removeTree(grave)
}

