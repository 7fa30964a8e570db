import { posix } from 'node:path'
import { Failure } from '../errors.ts'
import type { HostFacts } from './host-facts.ts'
import type { OciIdMapping, OciMount } from './oci-spec.ts'
import type { IdRange, Propagation } from './request.ts'

/** A mount of the request with its source turned into a path of the host. */
export interface ResolvedMount {
  readonly type: 'bind' | 'tmpfs' | 'devpts' | 'mqueue' | 'overlay'
  /** Absolute path inside the container. */
  readonly target: string
  /** Host path; absent for tmpfs, devpts and mqueue. */
  readonly source?: string
  readonly readOnly?: boolean
  readonly recursiveReadOnly?: boolean
  readonly nonRecursive?: boolean
  readonly propagation?: Propagation
  /** Further options as the runtime takes them. */
  readonly options?: readonly string[]
  readonly idmap?: { readonly uids?: readonly IdRange[]; readonly gids?: readonly IdRange[] }
  readonly sizeBytes?: number
  readonly mode?: number
  /** tmpfs: false for an empty one. */
  readonly copyUp?: boolean
}

export interface UserMountContext {
  readonly host: HostFacts
  /** The container's own user namespace, for a bare `idmap`. */
  readonly idMappings: { readonly uids: readonly IdRange[]; readonly gids: readonly IdRange[] } | undefined
}

/** A mount of the request or of the configuration as the runtime takes it. */
export function userMount(mount: ResolvedMount, context: UserMountContext): OciMount {
  const destination = posix.normalize(mount.target).replace(/(.)\/+$/, '$1')
  if (!destination.startsWith('/')) throw new Failure('invalid', `mount target '${mount.target}' must be an absolute path`)
  if (destination === '/') throw new Failure('invalid', "a mount can't replace the container's root: the target is '/'", { hint: 'use --rootfs for another root' })
  switch (mount.type) {
    case 'bind': return bindMount(mount, destination, context)
    case 'tmpfs': return tmpfsMount(mount, destination)
    case 'overlay': return { destination, type: 'overlay', source: 'overlay', options: [...(mount.options ?? [])] }
    case 'devpts': return { destination, type: 'devpts', source: 'devpts', options: withDefault(mount.options, ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620']) }
    case 'mqueue': return { destination, type: 'mqueue', source: 'mqueue', options: withDefault(mount.options, ['nosuid', 'noexec', 'nodev']) }
  }
}

const withDefault = (options: readonly string[] | undefined, fallback: readonly string[]) => [...(options?.length ? options : fallback)]

function bindMount(mount: ResolvedMount, destination: string, context: UserMountContext): OciMount {
  if (!mount.source) throw new Failure('invalid', `bind mount on ${destination} has no source`)
  return {
    destination,
    type: 'bind',
    source: mount.source,
    options: unique([
      mount.nonRecursive ? 'bind' : 'rbind',
      mount.propagation ?? 'rprivate',
      accessOf(mount, destination, context.host),
      ...(mount.options ?? []),
    ]),
    ...idmapOf(mount, destination, context),
  }
}

function accessOf(mount: ResolvedMount, destination: string, host: HostFacts): string {
  if (!mount.recursiveReadOnly) return mount.readOnly ? 'ro' : 'rw'
  const { major, minor } = host.kernel
  if (major < 5 || (major === 5 && minor < 12)) throw new Failure('unsupported', `recursive read-only mount on ${destination} needs Linux 5.12 or newer`)
  if (host.runtime.mountOptions?.includes('rro') === false) {
    throw new Failure('unsupported', `recursive read-only mount on ${destination}: the OCI runtime can't do it`, { hint: 'use runc 1.1 or crun 1.4, or newer' })
  }
  return 'rro'
}

function idmapOf({ idmap }: ResolvedMount, destination: string, { host, idMappings }: UserMountContext): Pick<OciMount, 'uidMappings' | 'gidMappings'> {
  if (!idmap) return {}
  if (!host.runtime.idmappedMounts) {
    throw new Failure('unsupported', `idmapped mount on ${destination}: the OCI runtime can't do it`, { hint: 'use runc 1.2 or crun 1.4, or newer' })
  }
  const uids = idmap.uids ?? idMappings?.uids
  const gids = idmap.gids ?? idmap.uids ?? idMappings?.gids
  if (!uids || !gids) throw new Failure('invalid', `idmapped mount on ${destination} says no ids, and the container has no user namespace to take them from`)
  return { uidMappings: ociMappings(uids), gidMappings: ociMappings(gids) }
}

export const ociMappings = (ranges: readonly IdRange[]): OciIdMapping[] =>
  ranges.map(({ containerId, hostId, size }) => ({ containerID: containerId, hostID: hostId, size }))

const tmpfsMount = (mount: ResolvedMount, destination: string): OciMount => ({
  destination,
  type: 'tmpfs',
  source: 'tmpfs',
  options: tmpfsOptions([
    ...(mount.sizeBytes === undefined ? [] : [`size=${mount.sizeBytes}`]),
    ...(mount.mode === undefined ? [] : [`mode=${mount.mode.toString(8)}`]),
    mount.readOnly ? 'ro' : 'rw',
    ...(mount.options ?? []),
  ], mount.copyUp !== false),
})

/** nosuid and nodev unless the options say the contrary. */
export const tmpfsOptions = (options: readonly string[], copyUp = true): string[] => unique([
  ...options.filter((option) => option !== 'tmpcopyup' && option !== 'notmpcopyup'),
  'rprivate',
  ...(options.includes('suid') ? [] : ['nosuid']),
  ...(options.includes('dev') ? [] : ['nodev']),
  ...(copyUp && !options.includes('notmpcopyup') ? ['tmpcopyup'] : []),
])

const unique = <T>(items: readonly T[]): T[] => [...new Set(items)]

const depth = (path: string): number => path.split('/').filter(Boolean).length

/** One mount per target, the last one; parents before what lies in them. A /dev of the user's hides our mounts inside it. */
export function orderMounts(own: readonly OciMount[], users: readonly OciMount[]): OciMount[] {
  const wanted = new Map(users.map((mount) => [mount.destination, mount]))
  const kept = own.filter(({ destination }) => !wanted.has(destination) && !(wanted.has('/dev') && destination.startsWith('/dev/')))
  return [...kept, ...wanted.values()].sort((a, b) => depth(a.destination) - depth(b.destination))
}

/** The root must propagate for a mount inside to do so. */
export function rootPropagation(mounts: readonly ResolvedMount[]): string | undefined {
  const kinds = new Set(mounts.map(({ propagation }) => propagation?.replace(/^r(?=shared|slave)/, '')))
  return kinds.has('shared') ? 'shared' : kinds.has('slave') ? 'slave' : undefined
}
