// The network layer's one face. Networks are CNI configuration lists; what a container gets is what their plugins
// answer. Nothing here knows containers: ids, names and paths come as arguments.
import type { NetworkAttachment, Pairs, PortRequest } from '../spec/request.ts'

export interface NetworkOptions {
  /** Our own lists: `network create` writes here. Searched first. */
  readonly networksDir: string
  /** Further directories of CNI lists in order, e.g. /etc/cni/net.d; only read. */
  readonly configDirs: readonly string[]
  /** Where plugin programs are, in order. */
  readonly pluginDirs: readonly string[]
  /** Durable: cached results (`results`) and address leases (`networks`). */
  readonly cacheDir: string
  /** Pinned network namespaces, on a tmpfs. */
  readonly netnsDir: string
  readonly locksDir: string
  /** Name of the network of a container that asks for none; made at its first attach when it is ours (`scow`) and missing. */
  readonly defaultName?: string
  /** Of our default network when it is made, unless the host has it in use by then; default: the first free one. */
  readonly defaultSubnet?: string
  /** Directories whose JSON files name subnets to keep away from: podman's /etc/containers/networks. */
  readonly reservedDirs?: readonly string[]
  /** Where the search for free subnets starts; default 10.89.0.0/24 upwards. */
  readonly subnetPools?: readonly { readonly base: string; readonly size: number }[]
  /** Environment of plugins; they find iptables by its PATH, which has a default. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Where iptables and ip are; default: PATH of `env`, then the usual directories. */
  readonly programDirs?: readonly string[]
  /** Of one plugin run; default 30 s. */
  readonly pluginTimeoutMs?: number
}

/** As `network inspect` prints it, in podman's shape; dates are RFC 3339. */
export interface NetworkView {
  readonly name: string
  /** 64 hex digits, the SHA-256 of the name. */
  readonly id: string
  /** bridge, macvlan, ipvlan, or the type of a foreign list's first plugin. */
  readonly driver: string
  readonly network_interface?: string
  readonly created: string
  readonly subnets?: readonly NetworkSubnet[]
  readonly routes?: readonly { readonly destination: string; readonly gateway: string }[]
  readonly ipv6_enabled: boolean
  readonly internal: boolean
  readonly dns_enabled: boolean
  readonly labels?: Readonly<Record<string, string>>
  readonly options?: Readonly<Record<string, string>>
  readonly ipam_options: { readonly driver: string }
}
export interface NetworkSubnet {
  /** CIDR. */
  readonly subnet: string
  readonly gateway?: string
  readonly lease_range?: { readonly start_ip?: string; readonly end_ip?: string }
}

export interface CreateNetwork {
  /** Absent: the first free of scow1, scow2, ... */
  readonly name?: string
  /** Default bridge. */
  readonly driver?: string
  readonly subnets?: readonly { readonly subnet: string; readonly gateway?: string; readonly ipRange?: string }[]
  readonly ipv6?: boolean
  readonly internal?: boolean
  readonly disableDns?: boolean
  readonly dnsServers?: readonly string[]
  readonly routes?: readonly { readonly destination: string; readonly gateway: string }[]
  /** host-local (default), dhcp (macvlan and ipvlan only) or none. */
  readonly ipamDriver?: string
  readonly interfaceName?: string
  /** mtu, vlan, isolate, parent, mode, no_default_route. */
  readonly options?: Pairs
  readonly labels?: Pairs
  /** `--ignore`: an existing one of that name is returned. */
  readonly ignoreExisting?: boolean
}

export interface AttachRequest {
  readonly containerId: string
  /** Path of the pinned namespace. */
  readonly netns: string
  /** In order; interfaces without a name become eth0, eth1, ... Empty: the default network. */
  readonly networks: readonly NetworkAttachment[]
  /** With host ports already chosen (none is 0). Given to the first network that can publish. */
  readonly ports?: readonly PortRequest[]
  readonly dns?: { readonly servers: readonly string[]; readonly searches: readonly string[]; readonly options: readonly string[] }
  readonly containerName?: string
  readonly cgroupPath?: string
  /** CRI: becomes the K8S_POD_* arguments. */
  readonly pod?: { readonly namespace: string; readonly name: string; readonly uid: string }
  /** Kernel's own bits per second. */
  readonly bandwidth?: { readonly ingressRate?: number; readonly ingressBurst?: number; readonly egressRate?: number; readonly egressBurst?: number }
  readonly signal?: AbortSignal
}

/** One network's answer. Addresses of the container carry their prefix length: `10.89.0.2/24`. */
export interface AttachResult {
  readonly network: string
  /** Inside the container. */
  readonly interface: string
  readonly ips: readonly { readonly address: string; readonly gateway?: string }[]
  readonly mac?: string
  readonly mtu?: number
  readonly routes: readonly { readonly dst: string; readonly gw?: string }[]
  readonly dns: { readonly nameservers: readonly string[]; readonly search: readonly string[]; readonly options: readonly string[]; readonly domain?: string }
}

export interface DetachRequest {
  readonly containerId: string
  /** Absent or gone: plugins are told without a namespace and free what is outside of it. */
  readonly netns?: string
  /** Absent: every attachment that the cache knows. */
  readonly networks?: readonly string[]
}

/** The state of one network as its plugins report it. */
export interface NetworkStatus {
  /** Absent: no valid network at all. */
  readonly network?: string
  readonly ready: boolean
  /** One line, with what to do. */
  readonly message?: string
}

export interface Networks {
  /** Every valid network by name: ours first, the default one made or not, then those of the host. Makes nothing. Bad files are warned of, never fatal. */
  list(): Promise<NetworkView[]>
  /** By name, or by an unambiguous prefix of the id. Throws Failure notFound. */
  get(nameOrId: string): Promise<NetworkView>
  /** Writes a list of our own, under the networks lock. Throws exists, invalid, inUse (subnet). */
  create(request: CreateNetwork): Promise<NetworkView>
  /**
   * Removes our own list, its bridge and its leases. The caller has made sure that no container uses it.
   * Throws notFound; denied for the default network and for lists of other directories.
   */
  remove(nameOrId: string): Promise<NetworkView>
  /** What `remove` would remove; throws as it does. */
  removable(nameOrId: string): Promise<NetworkView>
  /** Name of the network that a container gets that names none; ours is made by the first attach. For Kubernetes it is the first of the host's directories, or that of this name. */
  defaultNetwork(options?: { readonly forKubernetes?: boolean | string }): Promise<string>

  /** Pins a new namespace, or that of the file `source`, with its loopback up at netnsDir/id. Throws exists. */
  createNetns(id: string, source?: string): Promise<string>
  /** Idempotent; tolerates a namespace that is busy, gone, or a plain file left by a reboot. */
  removeNetns(id: string): Promise<void>
  netnsPath(id: string): string
  /** Ids of the namespaces (or leftovers of them) in netnsDir. */
  listNetns(): Promise<string[]>

  /** ADD of every network; when one fails, what was added is taken back and the first error is thrown. */
  attach(request: AttachRequest): Promise<AttachResult[]>
  /** DEL in reverse order, from the cached configuration. Idempotent. Goes on after an error, throws the first. */
  detach(request: DetachRequest): Promise<void>
  /** CHECK; throws the first complaint. */
  check(request: { readonly containerId: string; readonly netns: string }): Promise<void>
  /** What attach answered, from the cache: survives reboots and changed configurations. */
  attachments(containerId: string): Promise<AttachResult[]>
  /**
   * Frees what belongs to containers that are not alive: DEL from the cache, then leases that no entry knows, then GC of
   * plugins that have it. `alive` is asked while no ADD or DEL runs anywhere, so a container must be in it before its
   * attach. Goes on after errors, which are warned of. `removed`: ids of the containers.
   */
  collectGarbage(alive: () => ReadonlySet<string> | Promise<ReadonlySet<string>>): Promise<{ readonly removed: readonly string[] }>
  status(options?: { readonly network?: string; readonly forKubernetes?: boolean | string }): Promise<NetworkStatus>
}
