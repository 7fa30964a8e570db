import { openThreads } from '../off-thread.ts'
import type { Ingested, Storage, StorageSetup } from './storage.ts'
import { openStorage } from './storage.ts'

const MOST_THREADS = 4
const IDLE_MS = 10_000

/** As `openStorage`, with everything that may take long in threads of their own: no call holds the caller's. */
export async function openThreadedStorage({ paths, ...setup }: StorageSetup): Promise<Storage> {
  const options = { ...setup.options, inline: false }
  const local = await openStorage({ ...setup, paths, options })
  const roots = { root: paths.root, runRoot: paths.runRoot }
  const threads = openThreads({ source: 'storage/storage-worker.ts', data: { ...setup, options, roots }, most: MOST_THREADS, idleMs: IDLE_MS })
  const away = <Group extends 'blobs' | 'layers' | 'containers' | 'trees', Name extends keyof Storage[Group] & string>(group: Group, names: readonly Name[]): Pick<Storage[Group], Name> =>
    Object.fromEntries(names.map((name) => [name, (...args: unknown[]) => threads.call(`${group}.${name}`, ...args)])) as unknown as Pick<Storage[Group], Name>
  const { commitAll, ...layers } = away('layers', ['find', 'has', 'text', 'commitAll', 'rebuild', 'remove', 'list', 'broken'])
  const committing: typeof commitAll = (commits) => commitAll(commits.map(({ ingested, parent }) => ({ parent, ingested: plain(ingested) })))
  let problem: Promise<string | undefined> | undefined
  return {
    ...local,
    blobs: { ...local.blobs, ...away('blobs', ['read', 'put', 'remove', 'list']) },
    layers: { ...local.layers, ...layers, commitAll: committing, commit: async (ingested, parent) => (await committing([{ ingested, parent }]))[0]! },
    containers: { ...local.containers, ...away('containers', ['create', 'mount', 'unmount', 'remove', 'usage', 'layersOf', 'list', 'mountImage', 'unmountImage']) },
    trees: away('trees', ['unmount', 'remove']),
    recover: async () => { await threads.call('recover') },
    overlayProblem: async () => await threads.call('overlayProblem') as string | undefined,
    idmapProblem: () => (problem ??= threads.call('idmapProblem') as Promise<string | undefined>),
    close: async () => {
      await threads.close()
      await local.close()
    },
  }
}

const plain = ({ discard: _discard, ...rest }: Ingested): Ingested => rest as Ingested
