import { loadConfig, type ConfigFlags } from '../config.ts'
import { environment } from '../environment.ts'
import { Failure } from '../errors.ts'
import { makeDir } from '../fs/remove-tree.ts'
import { makePaths, type Paths } from '../paths.ts'
import { self } from '../process/identity.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { openState } from '../state/state.ts'
import type { StorageSetup } from '../storage/storage.ts'
import type { Engine } from './engine.ts'
import { tellOfLostState } from './lost-state.ts'
import { layerLabel } from './selinux-labels.ts'

/**
 * Opens one installation: its state, and on demand its storage, networks and runtimes. No daemon is involved: any
 * number of processes may do so at once.
 * @throws denied when not root; invalid for a configuration file or state that cannot be read
 */
export async function openEngine({ flags = {} }: { flags?: ConfigFlags } = {}): Promise<Engine> {
  const config = loadConfig({ flags })
  const paths = makePaths(config.roots)
  makeRoots(paths)
  const state = openState(paths.database)
  if (state.isNew) tellOfLostState(paths)
  const once = <T>(make: () => Promise<T>) => {
    let made: Promise<T> | undefined
    return () => (made ??= make())
  }
  const runtimes = new Map<string, Promise<Runtime>>()
  const storage = once(async () => {
    const { openStorage } = await import('../storage/storage.ts')
    return openStorage(storageSetup({ config, paths }))
  })
  const env = environment()
  const registry = once(async () => (await import('./open-registry.ts')).openConfiguredRegistry(config, env))
  const networks = once(async () => (await import('./make-networks.ts')).makeNetworks({ config, paths, environment: env }))
  const opened = { storage: false, registry: false }
  return {
    config, environment: env, paths, state, self: self(),
    storage: () => { opened.storage = true; return storage() },
    networks, readConfig: () => loadConfig({ flags }),
    registry: () => { opened.registry = true; return registry() },
    runtime: (name = config.engine.runtime) => {
      const known = runtimes.get(name) ?? import('./make-runtime.ts').then(({ makeRuntime }) => makeRuntime({ config, paths, name }))
      runtimes.set(name, known)
      return known
    },
    close: async () => {
      if (opened.storage) await (await storage()).close()
      if (opened.registry) await (await registry()).close()
      await state.close()
    },
  }
}

/** @throws invalid for a driver that we don't know */
export function storageSetup({ config, paths }: Pick<Engine, 'config' | 'paths'>): StorageSetup {
  const driver = config.storage.driver
  if (driver !== '' && driver !== 'overlay' && driver !== 'vfs') throw new Failure('invalid', `unknown storage driver "${driver}"`, { hint: 'use overlay or vfs' })
  const label = layerLabel({ config })
  return { paths, ...(driver ? { driver } : {}), options: { keepBlobs: config.engine.keepBlobs, mountOptions: config.storage.mountOptions }, ...(label ? { label } : {}) }
}

function makeRoots(paths: Paths): void {
  try {
    makeDir(paths.root, 0o711)
    for (const dir of [paths.runRoot, paths.locks, paths.exits, paths.cleanupQueue]) makeDir(dir, 0o711)
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException
    if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
      throw new Failure('denied', `cannot write ${path ?? paths.root} (${code})`, { cause: error, hint: 'run scow as root, or choose other folders with --root and --runroot' })
    }
    if (code === 'ENOENT') throw new Failure('invalid', `${path ?? paths.root} cannot be made there`, { cause: error, hint: 'choose another folder with --root and --runroot' })
    if (code === 'ENOTDIR' || code === 'EEXIST') throw new Failure('invalid', `${path} is not a directory`, { cause: error, hint: 'choose another folder with --root and --runroot' })
    throw error
  }
}
