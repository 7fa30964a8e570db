import { Failure } from '../errors.ts'
import type { Engine } from './engine.ts'
import { finishEnded } from './finish-ended.ts'
import { unmakeVolume } from './make-volume.ts'
import { recoverAll } from './recover.ts'
import { removeContainer } from './remove-container.ts'

/** By name or its beginning. @returns the name @throws notFound; inUse unless `force`, which removes the containers too */
export async function removeVolume(engine: Engine, nameOrPrefix: string, { force = false, stopTimeoutSeconds }: { force?: boolean; stopTimeoutSeconds?: number } = {}): Promise<string> {
  await recoverAll(engine)
  const { name } = await engine.state.volumes.find(nameOrPrefix)
  let users = await engine.state.volumes.users(name)
  if (users.length > 0 && await finishEnded(engine, users)) users = await engine.state.volumes.users(name)
  if (users.length > 0 && !force) {
    throw new Failure('inUse', `volume ${name} is being used by the following container(s): ${users.join(', ')}: volume is being used`, { hint: 'remove them first, or all with --force' })
  }
  for (const id of users) await removeContainer(engine, id, { force: true, ...(stopTimeoutSeconds !== undefined ? { stopTimeoutSeconds } : {}) })
  await unmakeVolume(engine, name)
  return name
}
