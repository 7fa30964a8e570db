import { join } from 'node:path'
import { lockFile } from '../fs/lock.ts'
import type { Engine } from './engine.ts'

/**
 * A pull announces itself under the shared store lock; a collection holds it alone and never waits for it.
 * @returns what `act` returned, or undefined when a collection would have had to wait
 */
export async function withStoreLock<T>(engine: Pick<Engine, 'paths'>, purpose: 'use' | 'collect', act: () => Promise<T>): Promise<T | undefined> {
  const file = join(engine.paths.locks, 'store')
  const lock = purpose === 'use' ? await lockFile(file, { shared: true }) : await lockFile(file, { wait: false })
  if (!lock) return undefined
  try {
    return await act()
  } finally {
    lock.release()
  }
}
