import { Failure } from '../errors.ts'
import type { NetworkView, Networks } from '../network/networks.ts'
import type { Engine } from './engine.ts'
import { finishEnded } from './finish-ended.ts'
import { listContainers } from './list-containers.ts'
import { recordNetworkEvent } from './record-event.ts'
import { removeContainer } from './remove-container.ts'

/** By name or id. @throws notFound; inUse unless `force`, which removes the containers too; denied for the default network and those of others, whose containers stay */
export async function removeNetwork(engine: Engine, nameOrId: string, { force = false, stopTimeoutSeconds }: { force?: boolean; stopTimeoutSeconds?: number } = {}): Promise<NetworkView> {
  const networks = await engine.networks()
  const { name } = await networks.removable(nameOrId)
  let users = await networkUsers(engine, name)
  if (users.length > 0 && await finishEnded(engine, users.map(({ id }) => id))) users = await networkUsers(engine, name)
  if (users.length > 0 && !force) {
    throw new Failure('inUse', `"${name}" has associated containers with it: ${users.map(({ name: user }) => user).join(', ')}`, { hint: 'remove them first, or all with --force' })
  }
  for (const { id } of users) await removeContainer(engine, id, { force: true, volumes: true, ...(stopTimeoutSeconds !== undefined ? { stopTimeoutSeconds } : {}) })
  return removeOne(engine, networks, name)
}

async function removeOne(engine: Engine, networks: Networks, name: string): Promise<NetworkView> {
  const removed = await networks.remove(name)
  await recordNetworkEvent(engine, removed, 'remove')
  return removed
}

/** Containers that attach to a network when they start. */
export const networkUsers = async (engine: Pick<Engine, 'paths' | 'self' | 'state'>, name: string): Promise<{ id: string; name: string }[]> =>
  (await listContainers(engine)).filter(({ summary }) => summary.networks.includes(name)).map((row) => ({ id: row.id, name: row.name }))

/** Removes our own networks that no container uses and that `chosen` takes; the default one stays. @returns their names */
export async function pruneNetworks(engine: Engine, chosen: (network: NetworkView) => boolean): Promise<string[]> {
  const networks = await engine.networks()
  const removed: string[] = []
  for (const network of await networks.list()) {
    if (network.name === engine.config.network.defaultNetwork || !chosen(network) || (await networkUsers(engine, network.name)).length > 0) continue
    try {
      await removeOne(engine, networks, network.name)
      removed.push(network.name)
    } catch (error) {
      if (!(error instanceof Failure) || error.kind !== 'denied') throw error // a list of another directory is not ours
    }
  }
  return removed
}
