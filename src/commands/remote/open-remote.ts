// The CRI's way of everything that commands do (commands/backend.ts).
import type { Invocation } from '../../cli/command.ts'
import type { Backend } from '../backend.ts'
import { openClient } from './client.ts'
import { remoteContainerActs } from './containers.ts'
import { remoteImageActs } from './images.ts'
import { createRemote, runRemote } from './run.ts'
import { attachContainer, execContainer, startInForeground } from './streams.ts'
import { withRemoteTrees } from './files.ts'
import { remotePods } from './pods.ts'
import { remoteSystemActs, runtimeVersion, type RuntimeVersion } from './system.ts'

type Asking = Pick<Invocation, 'interrupt' | 'out' | 'globals'>

/** @throws Failure invalid, unavailable, denied */
export async function openRemote(call: Asking, endpoint: string): Promise<Backend> {
  const remote = await openClient(call, endpoint)
  return {
    ...remoteContainerActs(remote), ...remoteImageActs(remote), ...remoteSystemActs(remote),
    pods: () => remotePods(remote),
    exec: (id, request) => execContainer(remote, id, request),
    withTrees: (ids, act) => withRemoteTrees(remote, ids, act),
    attach: (id, how) => attachContainer(remote, id, how),
    startAttached: async (id, how) => await startInForeground(remote, id, how) ?? 0,
    run: (given) => runRemote(remote, given),
    create: (given) => createRemote(remote, given),
  }
}

export const remoteVersion = async (call: Asking, endpoint: string): Promise<RuntimeVersion> => runtimeVersion(await openClient(call, endpoint))
