import type { Config } from '../config.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { openServedState } from '../state/served-state.ts'
import type { Storage } from '../storage/storage.ts'
import { openThreadedStorage } from '../storage/threaded-storage.ts'
import type { Networks } from '../network/networks.ts'
import type { Engine } from './engine.ts'
import { makeNetworks } from './make-networks.ts'
import { makeRuntime } from './make-runtime.ts'
import { storageSetup } from './open-engine.ts'

export interface ThreadedEngine extends Engine {
  /** Takes over what the files say now; what runs and the folders stay as they are. @throws invalid, and nothing changes */
  reload(): void
}

/**
 * The same engine for a server, whose thread must never wait: what may take long in state and storage is done in threads of
 * their own. `engine` is closed and not to be used any more.
 */
export async function threadedEngine(engine: Engine): Promise<ThreadedEngine> {
  const { paths } = engine
  // Whoever waits for the server to be ready waits for none of its containers.
  const environment = { ...engine.environment, notifySocket: undefined }
  const state = openServedState(paths.database)
  await engine.close() // not before the other connection is there: the last to close would fold the log in
  let { config } = engine
  let storage: Promise<Storage> | undefined
  let networks: Networks | undefined
  const registries: ReturnType<Engine['registry']>[] = []
  const openRegistry = async () => (await import('./open-registry.ts')).openConfiguredRegistry(config, environment)
  const runtimes = new Map<string, Runtime>()
  return {
    ...engine, state, environment,
    get config() { return config },
    storage: () => (storage ??= openThreadedStorage(storageSetup(engine))),
    networks: async () => (networks ??= makeNetworks({ config, paths, environment })),
    registry: () => {
      if (registries.length === 0) registries.push(openRegistry())
      return registries.at(-1)!
    },
    runtime: async (name = config.engine.runtime) => {
      const known = runtimes.get(name) ?? makeRuntime({ config, paths, name })
      runtimes.set(name, known)
      return known
    },
    reload: () => {
      config = lasting(engine.readConfig(), engine.config)
      networks = undefined
      runtimes.clear()
      if (registries.length > 0) registries.push(openRegistry())
    },
    close: async () => {
      await (await storage)?.close()
      await Promise.all(registries.map(async (registry) => (await registry).close()))
      await state.close()
    },
  }
}

/** Looked at whole, so that what is wrong shows now; what containers and the kubelet rely on stays. */
function lasting(now: Config, before: Config): Config {
  const { files, own, containers, engine, network } = now
  return { files, own, containers, network, roots: before.roots, storage: before.storage, engine: { ...engine, cgroupManager: before.engine.cgroupManager, keepBlobs: before.engine.keepBlobs } }
}
