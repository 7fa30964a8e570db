import { join } from 'node:path'
import { Failure, isFailure } from '../errors.ts'
import { lockFile, type Lock } from '../fs/lock.ts'
import type { Engine } from './engine.ts'

/** One that is ending gets so long. */
const PATIENCE_MS = 5000

/** Two servers of one root would end each other's probes. The lock goes with the process. @throws inUse */
export const claimServer = ({ paths }: Pick<Engine, 'paths'>): Promise<Lock> =>
  lockFile(join(paths.locks, 'serve'), { wait: PATIENCE_MS }).catch((error: unknown) => {
    if (!isFailure(error, 'timeout')) throw error
    throw new Failure('inUse', `another server works with ${paths.root} and ${paths.runRoot}`, { cause: error, hint: 'stop it first, or choose other folders with --root and --runroot' })
  })
