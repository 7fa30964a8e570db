// Containers as ends of a copy.
import { Failure } from '../../errors.ts'
import type { CopyEnd } from '../../engine/copy-files.ts'
import { containerEnd } from '../../engine/tree-end.ts'
import { ContainerState, ContainerStatusRequest, RuntimeServiceService as Runtime } from '../wire/generated/runtime-v1.ts'
import type { Connection } from './connection.ts'
import { containerCalled } from './containers.ts'
import { localProcess } from './container-process.ts'
import { execEnd } from './exec-end.ts'

export interface Opening { readonly signal: AbortSignal; /** Reach it through exec even where its files are at hand. */ readonly execOnly: boolean }

/** By name or id. @throws notFound; wrongState: it does not run */
export async function openContainer(runtime: Connection, name: string, opening: Opening): Promise<CopyEnd> {
  const { id, state } = await containerCalled(runtime, name)
  if (state !== ContainerState.CONTAINER_RUNNING) throw new Failure('wrongState', `container ${name} does not run: the CRI reaches the files of running containers alone`)
  return runningEnd(runtime, { id, what: `container ${name}` }, opening)
}

/** One that runs. */
export async function runningEnd(runtime: Connection, { id, what }: { readonly id: string; readonly what: string }, { signal, execOnly }: Opening): Promise<CopyEnd> {
  const { status, info } = await runtime.call(Runtime.containerStatus, ContainerStatusRequest.fromPartial({ containerId: id, verbose: true }))
  const local = execOnly || !status ? undefined : localProcess(status, info)
  return local ? containerEnd({ ...local, what }) : execEnd({ runtime, id, what, signal })
}
