// Containers and pods of a runtime, found by the filters that crictl has.
import { Failure } from '../../errors.ts'
import { goRegExp } from '../../go-regexp.ts'
import {
  ContainerState, ImageServiceService as Images, ImageStatusRequest, ListContainersRequest, ListPodSandboxRequest, PodSandboxState,
  RuntimeServiceService as Runtime, type Container, type PodSandbox,
} from '../wire/generated/runtime-v1.ts'
import type { Connection } from './connection.ts'

/** What `--id`, `--name` and their kin chose. Names and namespaces are regular expressions. */
export interface Wanted {
  readonly id?: string | undefined
  readonly name?: string | undefined
  readonly namespace?: string | undefined
  readonly pod?: string | undefined
  readonly image?: string | undefined
  readonly state?: string | undefined
  readonly labels?: Readonly<Record<string, string>>
  readonly all?: boolean
  readonly latest?: boolean
  /** At most so many, the newest; 0: all. */
  readonly last?: number
}

export const CONTAINER_STATES: Readonly<Record<string, ContainerState>> = {
  created: ContainerState.CONTAINER_CREATED, running: ContainerState.CONTAINER_RUNNING, exited: ContainerState.CONTAINER_EXITED, unknown: ContainerState.CONTAINER_UNKNOWN,
}
export const POD_STATES: Readonly<Record<string, PodSandboxState>> = { ready: PodSandboxState.SANDBOX_READY, notready: PodSandboxState.SANDBOX_NOTREADY }

export const POD_NAME = 'io.kubernetes.pod.name'
export const POD_NAMESPACE = 'io.kubernetes.pod.namespace'
export const podNameOf = (labels: Readonly<Record<string, string>>): string => labels[POD_NAME] ?? 'unknown'
export const podNamespaceOf = (labels: Readonly<Record<string, string>>): string => labels[POD_NAMESPACE] ?? 'unknown'

/** Newest first. Only running ones unless `all`, `state`, `latest` or `last` say otherwise. @throws Failure invalid */
export async function findContainers(runtime: Connection, image: Connection, wanted: Wanted): Promise<Container[]> {
  const state = chosenState(wanted, CONTAINER_STATES) ?? (wanted.all ? undefined : ContainerState.CONTAINER_RUNNING)
  const whatever = wanted.latest || (wanted.last ?? 0) > 0
  const { containers } = await runtime.call(Runtime.listContainers, ListContainersRequest.fromPartial({ filter: {
    id: wanted.id ?? '', podSandboxId: wanted.pod ?? '', labelSelector: { ...wanted.labels }, ...(state === undefined || whatever ? {} : { state: { state } }),
  } }))
  const [name, namespace] = [matcher('name', wanted.name), matcher('namespace', wanted.namespace)]
  const named = containers.filter((one) => name(one.metadata?.name ?? '') && namespace(podNamespaceOf(one.labels)))
  return newest(wanted.image === undefined ? named : await withImage(image, named, wanted.image), wanted)
}

/** By id or its beginning, else by name, of several the newest that runs. @throws Failure notFound, invalid */
export async function containerCalled(runtime: Connection, name: string): Promise<Container> {
  const { containers } = await runtime.call(Runtime.listContainers, ListContainersRequest.fromPartial({}))
  const byId = containers.filter(({ id }) => id.startsWith(name))
  if (byId.length > 1) throw new Failure('invalid', `several containers begin with ${name}`, { hint: 'give more of the id' })
  const runs = ({ state }: Container): number => Number(state === ContainerState.CONTAINER_RUNNING)
  const [newest] = containers.filter(({ metadata }) => metadata?.name === name).sort((a, b) => runs(b) - runs(a) || Number(b.createdAt - a.createdAt))
  const found = byId[0] ?? newest
  if (!found) throw new Failure('notFound', `there is no container ${name}`)
  return found
}

/** Newest first. @throws Failure invalid */
export async function findPods(runtime: Connection, wanted: Wanted): Promise<PodSandbox[]> {
  const state = chosenState(wanted, POD_STATES)
  const { items } = await runtime.call(Runtime.listPodSandbox, ListPodSandboxRequest.fromPartial({ filter: {
    id: wanted.id ?? '', labelSelector: { ...wanted.labels }, ...(state === undefined ? {} : { state: { state } }),
  } }))
  const [name, namespace] = [matcher('name', wanted.name), matcher('namespace', wanted.namespace)]
  return newest(items.filter(({ metadata }) => name(metadata?.name ?? '') && namespace(metadata?.namespace ?? '')), wanted)
}

function chosenState<S>({ state }: Wanted, states: Readonly<Record<string, S>>): S | undefined {
  if (state === undefined || state === '') return undefined
  const found = states[state.toLowerCase()]
  if (found === undefined) throw new Failure('invalid', `unknown state "${state}"`, { hint: `use one of ${Object.keys(states).join(', ')}` })
  return found
}

function matcher(flag: string, pattern: string | undefined): (text: string) => boolean {
  if (pattern === undefined || pattern === '') return () => true
  try {
    const expression = goRegExp(pattern)
    return (text) => expression.test(text)
  } catch (error) {
    throw new Failure('invalid', `--${flag} "${pattern}" is no regular expression: ${(error as Error).message}`)
  }
}

interface Aged { readonly createdAt: bigint }

function newest<T extends Aged>(items: readonly T[], { latest = false, last = 0 }: Wanted): T[] {
  const sorted = [...items].sort((a, b) => Number(b.createdAt - a.createdAt))
  return last > 0 ? sorted.slice(0, last) : latest ? sorted.slice(0, 1) : sorted
}

async function withImage(image: Connection, containers: readonly Container[], name: string): Promise<Container[]> {
  const idOf = async (reference: string): Promise<string | undefined> =>
    (await image.call(Images.imageStatus, ImageStatusRequest.fromPartial({ image: { image: reference } }))).image?.id
  const wanted = await idOf(name)
  if (wanted === undefined) return []
  const known = new Map<string, Promise<string | undefined>>()
  const ids = await Promise.all(containers.map((one) => {
    const reference = one.image?.image ?? ''
    if (!known.has(reference)) known.set(reference, idOf(reference))
    return known.get(reference)
  }))
  return containers.filter((_, at) => ids[at] === wanted)
}

/** `name=value` texts. @throws Failure invalid */
export function parseLabels(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(texts.map((text) => {
    const equals = text.indexOf('=')
    if (equals <= 0) throw new Failure('invalid', `"${text}" is no label`, { hint: 'give name=value' })
    return [text.slice(0, equals), text.slice(equals + 1)]
  }))
}
