// Containers as ends of a copy.
import { Failure } from '../../errors.ts'
import type { CopyEnd } from '../../engine/copy-files.ts'
import { containerEnd } from '../../engine/tree-end.ts'
import { ContainerState, ContainerStatusRequest, ListContainersRequest, RuntimeServiceService as Runtime, type Container } from '../wire/generated/runtime-v1.ts'
import type { Connection } from './connection.ts'
import { localProcess } from './container-process.ts'
import { execEnd } from './exec-end.ts'

export interface Opening { readonly signal: AbortSignal; /** Reach it through exec even where its files are at hand. */ readonly execOnly: boolean }

/** By name or id. @throws notFound; wrongState: it does not run */
export async function openContainer(runtime: Connection, name: string, opening: Opening): Promise<CopyEnd> {
  const { id, state } = await findContainer(runtime, name)
  if (state !== ContainerState.CONTAINER_RUNNING) throw new Failure('wrongState', `container ${name} does not run: the CRI reaches the files of running containers alone`)
  return runningEnd(runtime, { id, what: `container ${name}` }, opening)
}

/** One that runs. */
export async function runningEnd(runtime: Connection, { id, what }: { readonly id: string; readonly what: string }, { signal, execOnly }: Opening): Promise<CopyEnd> {
  const { status, info } = await runtime.call(Runtime.containerStatus, ContainerStatusRequest.fromPartial({ containerId: id, verbose: true }))
  const local = execOnly || !status ? undefined : localProcess(status, info)
  return local ? containerEnd({ ...local, what }) : execEnd({ runtime, id, what, signal })
}

/** By id or its beginning, else by name, of several the newest that runs. @throws Failure notFound, invalid */
async function findContainer(runtime: Connection, name: string): Promise<Container> {
  const { containers } = await runtime.call(Runtime.listContainers, ListContainersRequest.fromPartial({}))
  const byId = containers.filter(({ id }) => id.startsWith(name))
  if (byId.length > 1) throw new Failure('invalid', `several containers begin with ${name}`, { hint: 'give more of the id' })
  const runs = ({ state }: Container): number => Number(state === ContainerState.CONTAINER_RUNNING)
  const [newest] = containers.filter(({ metadata }) => metadata?.name === name).sort((a, b) => runs(b) - runs(a) || Number(b.createdAt - a.createdAt))
  const found = byId[0] ?? newest
  if (!found) throw new Failure('notFound', `there is no container ${name}`)
  return found
}
