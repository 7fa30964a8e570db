// What inspect prints: the status as protobuf's JSON with readable times, and the runtime's verbose information as
// objects beside it, keys sorted.
import { ContainerState, type ContainerStatus, type PodSandboxStatus, type StatusResponse } from '../wire/generated/runtime-v1.ts'
import { sortKeys, toJson, type Json, type JsonObject } from './protojson.ts'

export const ZERO_TIME = '0001-01-01T00:00:00Z'
const NS_PER_SECOND = 1_000_000_000n

/** RFC 3339 in the local zone with as many digits of nanoseconds as are needed. */
export function formatTime(ns: bigint): string {
  const seconds = ns / NS_PER_SECOND - (ns < 0n && ns % NS_PER_SECOND !== 0n ? 1n : 0n)
  const fraction = String(ns - seconds * NS_PER_SECOND).padStart(9, '0').replace(/0+$/, '')
  const date = new Date(Number(seconds) * 1000)
  const offset = -date.getTimezoneOffset()
  const local = new Date(date.getTime() + offset * 60_000).toISOString().slice(0, 19)
  const two = (number: number): string => String(Math.trunc(number)).padStart(2, '0')
  const zone = offset === 0 ? 'Z' : `${offset < 0 ? '-' : '+'}${two(Math.abs(offset) / 60)}:${two(Math.abs(offset) % 60)}`
  return `${local}${fraction ? `.${fraction}` : ''}${zone}`
}

/** Messages of a container's status are written out by crictl when they are not set, those of other things are not. */
const UNSET: JsonObject = { metadata: null, image: null, resources: null, user: null }

export function containerStatusJson(status: ContainerStatus): JsonObject {
  const { state } = status
  const isFinished = state === ContainerState.CONTAINER_EXITED || (state === ContainerState.CONTAINER_UNKNOWN && status.finishedAt > 0n)
  return {
    ...UNSET, ...toJson(status), createdAt: formatTime(status.createdAt),
    startedAt: state === ContainerState.CONTAINER_CREATED ? ZERO_TIME : formatTime(status.startedAt),
    finishedAt: isFinished ? formatTime(status.finishedAt) : ZERO_TIME,
  }
}

export const podStatusJson = (status: PodSandboxStatus): JsonObject => ({ ...toJson(status), createdAt: formatTime(status.createdAt) })

/** `{ status, ...info }`: texts of the information that hold JSON become objects. */
export const inspected = (status: JsonObject, info: Readonly<Record<string, string>>): Json =>
  sortKeys({ status, ...Object.fromEntries(Object.entries(info).map(([key, text]) => [key, parseInfo(text)])) })

function parseInfo(text: string): Json {
  if (!text.startsWith('{') && !text.startsWith('[')) return text.replace(/^"+|"+$/g, '')
  try {
    return JSON.parse(text) as Json
  } catch {
    return text
  }
}

/** What `info` prints. Handlers and features have the names of the interface itself. */
export function runtimeStatusJson({ status, info, runtimeHandlers, features }: StatusResponse): Json {
  const handlers = runtimeHandlers.map(({ name, features: of }) => ({
    ...(name ? { name } : {}), ...(of ? { features: onlyTrue({ recursive_read_only_mounts: of.recursiveReadOnlyMounts, user_namespaces: of.userNamespaces }) } : {}),
  }))
  const own = features ? onlyTrue({ supplemental_groups_policy: features.supplementalGroupsPolicy, user_namespaces_host_network: features.userNamespacesHostNetwork }) : undefined
  const rest = inspected(toJson(status ?? { conditions: [] }), info) as JsonObject
  return sortKeys({ ...rest, ...(handlers.length ? { runtimeHandlers: handlers } : {}), ...(own ? { features: own } : {}) })
}

const onlyTrue = (flags: Readonly<Record<string, boolean>>): JsonObject => Object.fromEntries(Object.entries(flags).filter(([, on]) => on))
