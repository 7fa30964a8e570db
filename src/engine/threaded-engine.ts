import { openStateThread } from '../state/state-thread.ts'
import type { Storage } from '../storage/storage.ts'
import { openThreadedStorage } from '../storage/threaded-storage.ts'
import type { Engine } from './engine.ts'
import { storageSetup } from './open-engine.ts'

/**
 * The same engine for a server, whose thread must never wait: state and storage do their work in threads of their own.
 * `engine` ends with it and is not to be used any more.
 */
export async function threadedEngine(engine: Engine): Promise<Engine> {
  const state = openStateThread(engine.paths.database)
  let opened: Promise<Storage> | undefined
  return {
    ...engine, state,
    storage: () => (opened ??= openThreadedStorage(storageSetup(engine))),
    close: async () => {
      await (await opened)?.close()
      await state.close()
      await engine.close()
    },
  }
}
