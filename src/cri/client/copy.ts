// Finds the ends of a copy: this machine, or a container by its id or name.
import { resolve } from 'node:path'
import { Failure } from '../../errors.ts'
import type { CopyEnd, CopyPlace } from '../../engine/copy-files.ts'
import { containerEnd, hostEnd } from '../../engine/tree-end.ts'
import { ContainerState, ContainerStatusRequest, ListContainersRequest, RuntimeServiceService as Runtime, type Container } from '../wire/generated/runtime-v1.ts'
import type { Connection } from './connection.ts'
import { localProcess } from './container-process.ts'
import { execEnd } from './exec-end.ts'

export interface CopyWord {
  /** Undefined: of this machine. */
  readonly container?: string | undefined
  readonly path: string
}

/** `CONTAINER:PATH` or a path; what begins with `.` or `/` is always a path. @throws Failure invalid */
export function parseCopyWord(word: string): CopyWord {
  const colon = word.indexOf(':')
  if (/^[./]/.test(word) || colon < 0) return { path: word }
  const [container, path] = [word.slice(0, colon), word.slice(colon + 1)]
  if (container === '' || path === '') throw new Failure('invalid', `"${word}" lacks a ${path === '' ? 'path' : 'container'}`, { hint: 'give CONTAINER:PATH' })
  return { container, path }
}

/** @param execOnly reach containers through exec even where their files are at hand */
export async function openPlace(runtime: Connection, { container, path }: CopyWord, { signal, execOnly }: { readonly signal: AbortSignal; readonly execOnly: boolean }): Promise<CopyPlace> {
  if (container === undefined) return { end: hostEnd(), path: absolute(path) }
  return { end: await openContainer(runtime, container, { signal, execOnly }), path }
}

/** As `resolve`, but what says "the contents" stays: `/` and `/.` at the end. */
const absolute = (path: string): string => `${resolve(path)}${/(?:^|\/)\.$/.test(path) ? '/.' : /.\/$/.test(path) ? '/' : ''}`

async function openContainer(runtime: Connection, name: string, { signal, execOnly }: { readonly signal: AbortSignal; readonly execOnly: boolean }): Promise<CopyEnd> {
  const { id, state } = await findContainer(runtime, name)
  const what = `container ${name}`
  if (state !== ContainerState.CONTAINER_RUNNING) throw new Failure('wrongState', `${what} does not run: the CRI reaches the files of running containers alone`)
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
