import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { Failure, isFailure } from '../errors.ts'
import { lockFile } from '../fs/lock.ts'
import type { Engine } from './engine.ts'

const PATIENCE_MS = 120_000

/**
 * One act at a time on a container: held by start, stop's end, removal and cleanup, never while waiting for a pull or
 * for the container itself. The kernel frees it when the holder dies.
 * @throws unavailable when another process keeps it for two minutes
 */
export async function withContainerLock<T>(engine: Pick<Engine, 'paths'>, id: string, act: () => Promise<T>): Promise<T> {
  const file = join(engine.paths.locks, id)
  const lock = await lockFile(file, { wait: PATIENCE_MS }).catch((error: unknown) => {
    if (!isFailure(error, 'timeout')) throw error
    throw new Failure('unavailable', `another scow process has been working on container ${id.slice(0, 12)} for ${PATIENCE_MS / 1000} s`, { cause: error, hint: 'look for it with ps, and end it if it hangs' })
  })
  try {
    return await act()
  } catch (error) {
    // Ids are never used again: the lock of one that is gone may go too.
    if (isFailure(error, 'notFound')) rmSync(file, { force: true })
    throw error
  } finally {
    lock.release()
  }
}
