// The CNI specification's words (1.1) as types. Property names are those of the files and streams.

/** One plugin's part of a list. Keys that the specification doesn't name belong to the plugin. */
export interface PluginConfig {
  readonly type: string
  readonly capabilities?: Readonly<Record<string, boolean>>
  readonly ipam?: Readonly<Record<string, unknown>>
  readonly [key: string]: unknown
}

/** A network configuration list, its version already chosen. */
export interface NetworkList {
  readonly name: string
  readonly cniVersion: string
  readonly disableCheck: boolean
  readonly disableGC: boolean
  readonly plugins: readonly PluginConfig[]
  /** Where it came from; absent for a list out of the cache, and for a default network that isn't made yet. */
  readonly file?: string
  /** What `network create` noted in it; only lists of our own have it. */
  readonly scow?: ScowNotes
}

/** Kept under the key `scow` of a list, which other CNI runtimes ignore. */
export interface ScowNotes {
  readonly created: string
  readonly driver: string
  readonly interface?: string
  /** The bridge was there before the network and is not ours to remove; absent: ours. */
  readonly adopted?: boolean
  readonly internal?: boolean
  readonly ipv6?: boolean
  readonly dns?: boolean
  readonly labels?: Readonly<Record<string, string>>
  readonly options?: Readonly<Record<string, string>>
}

export type CniCommand = 'ADD' | 'DEL' | 'CHECK' | 'GC' | 'STATUS' | 'VERSION'

/** What plugins of an attachment are told, beside their configuration. */
export interface Attachment {
  readonly containerId: string
  /** Empty when the namespace is gone; DEL alone allows that. */
  readonly netns: string
  readonly ifName: string
  /** CNI_ARGS. */
  readonly args: readonly (readonly [string, string])[]
  /** runtimeConfig by capability. */
  readonly capabilityArgs: Readonly<Record<string, unknown>>
}

/** A result in the shape of CNI 1.0 and later. */
export interface CniResult {
  readonly interfaces: readonly { readonly name: string; readonly mac?: string; readonly mtu?: number; readonly sandbox?: string }[]
  readonly ips: readonly { readonly address: string; readonly gateway?: string; readonly interface?: number }[]
  readonly routes: readonly { readonly dst: string; readonly gw?: string }[]
  readonly dns: { readonly nameservers: readonly string[]; readonly search: readonly string[]; readonly options: readonly string[]; readonly domain?: string }
}
