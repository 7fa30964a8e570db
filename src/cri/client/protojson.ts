// Messages as protobuf's JSON: camelCase names, enums by name, 64-bit numbers as text, defaults written out, messages
// that are not set left out, maps sorted.
import {
  CgroupDriver, ContainerEventType, ContainerState, MetricType, MountPropagation, NamespaceMode, PodSandboxState, Protocol,
  SecurityProfile_ProfileType, Signal, SupplementalGroupsPolicy,
} from '../wire/generated/runtime-v1.ts'

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
export type JsonObject = { [key: string]: Json }

type Enum = Readonly<Record<string, number>>

/** By the field's name, which in the CRI says which enum it is; `state` alone needs its message. */
export const ENUM_FIELDS: Readonly<Record<string, Enum>> = {
  protocol: Protocol, propagation: MountPropagation, network: NamespaceMode, pid: NamespaceMode, ipc: NamespaceMode, mode: NamespaceMode,
  supplementalGroupsPolicy: SupplementalGroupsPolicy, profileType: SecurityProfile_ProfileType, stopSignal: Signal,
  containerEventType: ContainerEventType, metricType: MetricType, cgroupDriver: CgroupDriver,
}
/** Fields whose keys are the user's own. */
export const MAP_FIELDS: ReadonlySet<string> = new Set(['labels', 'annotations', 'labelSelector', 'sysctls', 'unified', 'info'])

const nameOf = (names: Enum, value: number): Json => Object.keys(names).find((name) => names[name] === value && value >= 0) ?? value

const enumOf = (key: string, owner: object): Enum | undefined =>
  key !== 'state' ? ENUM_FIELDS[key] : 'runtimeHandler' in owner ? PodSandboxState : ContainerState

/** The JSON of a decoded message. */
export function toJson(message: unknown): JsonObject {
  return convert(message, '') as JsonObject
}

function convert(value: unknown, key: string): Json {
  if (typeof value === 'bigint') return String(value)
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (Array.isArray(value)) return value.map((item) => convert(item, key))
  if (typeof value !== 'object' || value === null) return value as Json
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined)
  if (MAP_FIELDS.has(key)) return sortedObject(entries as [string, Json][])
  return Object.fromEntries(entries.map(([name, inner]) => {
    const names = typeof inner === 'number' ? enumOf(name, value) : undefined
    return [name, names ? nameOf(names, inner as number) : convert(inner, name)]
  }))
}

const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => Number(a > b) - Number(a < b)
const sortedObject = (entries: readonly [string, Json][]): JsonObject => Object.fromEntries([...entries].sort(byName))

/** The same with the keys of every object sorted, as crictl prints what it inspects. */
export function sortKeys(value: Json): Json {
  if (Array.isArray(value)) return value.map(sortKeys)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).sort(byName).map(([key, inner]) => [key, sortKeys(inner)]))
}
