// What commands do with containers and images, whoever has them: the engine of this machine, or with --endpoint a CRI
// runtime. A command names what it needs with the engine's way of it; commands/remote has the other way of each.
import type { Engine } from '../engine/engine.ts'
import type { Invocation } from '../cli/command.ts'
import type { ContainerActs } from './container/acts.ts'
import type { ImageActs } from './image/acts.ts'
import type { PodActs } from './pod/pod-row.ts'
import type { SystemActs } from './system/acts.ts'

export interface Backend extends ContainerActs, ImageActs, PodActs, SystemActs {}

type Asking = Pick<Invocation<any, Engine>, 'globals' | 'engine' | 'interrupt' | 'out'>

/** Opens what the call works on. @throws Failure unavailable, denied: nobody answers at the endpoint */
export async function openBackend<K extends keyof Backend>(call: Asking, local: (engine: Engine) => Pick<Backend, K>): Promise<Pick<Backend, K>> {
  if (endpointOf(call) === undefined) return local(await call.engine())
  const { openRemote } = await import('./remote/open-remote.ts')
  return openRemote(call, endpointOf(call)!)
}

/** The CRI runtime that is worked on instead of this machine's engine. */
export const endpointOf = ({ globals }: Pick<Asking, 'globals'>): string | undefined => globals.get('--endpoint') || undefined
