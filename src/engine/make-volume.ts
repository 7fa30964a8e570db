// Making and removing the folders of volumes. Both under one lock that is never held for long: a folder that goes is only
// renamed under it, so that whoever makes a volume of the same name gets a new one.
import { chownSync, existsSync, readdirSync, renameSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { lockFile } from '../fs/lock.ts'
import { makeChosenDir, removeTree } from '../fs/remove-tree.ts'
import { log } from '../log.ts'
import type { Intent } from '../state/intents.ts'
import type { VolumeRecord } from '../state/volumes.ts'
import type { Engine } from './engine.ts'
import { randomId } from './random-name.ts'

type Parts = Pick<Engine, 'config' | 'paths' | 'state' | 'self'>

const volumesDir = ({ config, paths }: Pick<Engine, 'config' | 'paths'>): string => config.engine.volumePath || paths.volumes

/** Where a volume's files are. */
export const volumeDir = (engine: Pick<Engine, 'config' | 'paths'>, name: string): string => join(volumesDir(engine), name, '_data')

/**
 * The folder, then the row that shows it. A folder that is there already, with nobody to say that it was to go, is taken as it
 * is: somebody's files are in it. @returns whether it was made: false when one of that name exists
 */
export async function makeVolume(engine: Parts, record: VolumeRecord, { durable = true }: { durable?: boolean } = {}): Promise<boolean> {
  const { name, mountpoint, uid, gid } = record
  using _ = await lockVolumes(engine)
  if (await engine.state.volumes.get(name)) return false
  if ((await engine.state.intents.list()).some((intent) => intent.kind === 'volume' && intent.target === name && mayGo(intent))) doom(engine, name) // of a volume whose removal was killed
  const adopted = existsSync(mountpoint) && readdirSync(mountpoint).length > 0
  const intentId = await engine.state.intents.open({ kind: 'volume', target: name, owner: engine.self, data: { adopted } }, { durable: false })
  try {
    if (adopted) log.warn(`volume ${name}: the files in ${mountpoint} were there already and are kept`)
    makeChosenDir(volumesDir(engine), 0o700) // what containers keep is not for every user of the host
    makeChosenDir(mountpoint)
    if (!adopted && (uid !== undefined || gid !== undefined)) chownSync(mountpoint, uid ?? 0, gid ?? 0)
    return await engine.state.volumes.put(record, { durable })
  } catch (error) {
    if (!adopted) doom(engine, name)
    throw error
  } finally {
    await engine.state.intents.close(intentId, { durable: false })
  }
}

/** Row and folder of a volume go; idempotent. @throws inUse while a container uses it */
export async function unmakeVolume(engine: Parts, name: string): Promise<void> {
  const intentId = await engine.state.intents.open({ kind: 'volume', target: name, owner: engine.self, data: {} }, { durable: false })
  try {
    {
      using _ = await lockVolumes(engine)
      await engine.state.volumes.remove(name)
      doom(engine, name)
    }
    removeDoomed(engine)
  } finally {
    await engine.state.intents.close(intentId, { durable: false })
  }
}

/** After a kill between row and folder: a folder that no row shows goes, unless it was there before. */
export async function recoverVolume(engine: Parts, intent: Pick<Intent, 'target' | 'data'>): Promise<void> {
  const name = intent.target
  if (!mayGo(intent)) return
  {
    using _ = await lockVolumes(engine)
    if (!await engine.state.volumes.get(name)) doom(engine, name)
  }
  removeDoomed(engine)
}

/** Not the folder of a creation that found somebody's files. */
const mayGo = ({ data }: Pick<Intent, 'data'>): boolean => data['adopted'] !== true

/** Held for moments only. */
export const lockVolumes = ({ paths }: Parts) => lockFile(join(paths.locks, 'volumes'))

const DOOMED = '.doomed-'

function doom(engine: Parts, name: string): void {
  const folder = dirname(volumeDir(engine, name))
  if (existsSync(folder)) renameSync(folder, join(volumesDir(engine), DOOMED + randomId().slice(0, 16)))
}

/** Those of killed processes too. */
function removeDoomed(engine: Parts): void {
  const dir = volumesDir(engine)
  if (!existsSync(dir)) return
  for (const name of readdirSync(dir)) if (name.startsWith(DOOMED)) removeTree(join(dir, name))
}
