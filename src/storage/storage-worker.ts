// A thread that does what may take long in a store: syncs, walks, copies, mounts and removals.
import { answerCalls, threadData } from '../off-thread.ts'
import { makePaths, type Roots } from '../paths.ts'
import { removeTree } from '../fs/remove-tree.ts'
import type { StagedLayer } from './ingest.ts'
import { openStorage, type LayerCommit, type Storage, type StorageSetup } from './storage.ts'

const { roots, ...setup } = threadData() as { roots: Roots } & Omit<StorageSetup, 'paths'>
const opened = openStorage({ ...setup, paths: makePaths(roots) })

/** Functions don't cross threads: what a staged tree's own would do is done from its directory. */
const whole = ({ ingested, parent }: LayerCommit): LayerCommit => {
  const { dir } = ingested as StagedLayer
  return { parent, ingested: { ...ingested, discard: async () => { if (dir !== undefined) removeTree(dir) } } }
}

async function answer(storage: Storage, name: string, args: readonly unknown[]): Promise<unknown> {
  if (name === 'layers.commitAll') return storage.layers.commitAll((args[0] as LayerCommit[]).map(whole))
  const [group, method] = name.split('.') as [keyof Storage, string?]
  const object = (method === undefined ? storage : storage[group]) as unknown as Record<string, (...args: readonly unknown[]) => unknown>
  return object[method ?? group]!(...args)
}

answerCalls(async (name, args) => answer(await opened, name, args), async () => (await opened).close())
