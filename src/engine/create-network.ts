import type { CreateNetwork, NetworkView } from '../network/networks.ts'
import type { Engine } from './engine.ts'
import { recordNetworkEvent } from './record-event.ts'

/** With `ignoreExisting` one of that name is returned as it is. @throws invalid, exists, inUse (subnet) */
export async function createNetwork(engine: Engine, request: CreateNetwork): Promise<NetworkView> {
  const networks = await engine.networks()
  const existing = request.ignoreExisting ? (await networks.list()).find(({ name }) => name === request.name) : undefined
  if (existing) return existing
  const network = await networks.create(request)
  await recordNetworkEvent(engine, network, 'create')
  return network
}
