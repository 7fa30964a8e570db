import { isFailure } from '../../../errors.ts'
import type { DeepPartial, RuntimeCondition, StatusRequest, StatusResponse } from '../../wire/generated/runtime-v1.ts'
import type { Rpc } from '../rpc.ts'
import type { Server } from '../server.ts'

export const status: Rpc<StatusRequest, StatusResponse> = async (server, { verbose }) => ({
  status: { conditions: [await runtimeReady(server), await networkReady(server)] },
  info: verbose ? { config: JSON.stringify({ root: server.engine.paths.root, stateDir: server.engine.paths.runRoot, cgroupManager: server.engine.config.engine.cgroupManager, runtime: server.engine.config.engine.runtime }) } : {},
  runtimeHandlers: [...server.handlers].map(([name, { recursiveReadOnly, userNamespaces }]) => ({ name, features: { recursiveReadOnlyMounts: recursiveReadOnly, userNamespaces } })),
  features: { supplementalGroupsPolicy: true, userNamespacesHostNetwork: [...server.handlers.values()].some(({ userNamespaces }) => userNamespaces) },
})

async function runtimeReady({ engine }: Server): Promise<DeepPartial<RuntimeCondition>> {
  try {
    await engine.runtime()
    return { type: 'RuntimeReady', status: true }
  } catch (error) {
    if (!isFailure(error)) throw error
    return { type: 'RuntimeReady', status: false, reason: 'RuntimeNotReady', message: error.message }
  }
}

/** The directories are read anew each time: a network that is added is there at the next question. */
async function networkReady({ engine, settings }: Server): Promise<DeepPartial<RuntimeCondition>> {
  const { ready, message = '' } = await (await engine.networks()).status({ forKubernetes: settings.network ?? true })
  return ready ? { type: 'NetworkReady', status: true } : { type: 'NetworkReady', status: false, reason: 'NetworkPluginNotReady', message }
}
