// The mutable half of a container.
//
//   created --start--> running --exit--> exited --start--> running ...
//                      running <--pause/unpause--> paused
//   any but running and paused --remove--> (row gone)
//
// `phase` is what was last recorded. Whether a `running` row still is, readers derive from the exit file and the
// process identity (pid + start time + boot id): a row never needs a daemon to be true.

export type Phase = 'created' | 'running' | 'paused' | 'exited' | 'removing'

/** A process that cannot be mistaken for a later one with the same pid. */
export interface ProcessStamp {
  readonly pid: number
  /** Clock ticks after boot: field 22 of /proc/PID/stat. */
  readonly startTime: number
  readonly bootId: string
  /** Inode of the PID namespace in which `pid` was seen; absent in records of before it was noted. */
  readonly pidNamespace?: number
}

export interface AttachedNetwork {
  readonly network: string
  readonly interfaceName: string
  readonly mac?: string
  /** CIDR addresses with their gateways. */
  readonly ips: readonly { readonly address: string; readonly gateway?: string }[]
  readonly aliases?: readonly string[]
}

export interface PublishedPort {
  readonly hostIp: string
  readonly hostPort: number
  readonly containerPort: number
  readonly protocol: 'tcp' | 'udp' | 'sctp'
  readonly count: number
}

export interface ContainerStatus {
  readonly process?: ProcessStamp
  readonly monitor?: ProcessStamp
  readonly startedAtMs?: number
  readonly finishedAtMs?: number
  /** -1: not known (the machine went down under it). */
  readonly exitCode?: number
  readonly oomKilled?: boolean
  /** Why it could not be started, or ended unusually. */
  readonly error?: string
  /** Restarts by policy since the last start by a person. */
  readonly restarts?: number
  /** Stopped by a person: `unless-stopped` and `on-failure` leave it. */
  readonly stoppedByUser?: boolean
  /** Limits of an update in place, in a server's own words. */
  readonly updated?: string
  readonly netns?: string
  readonly networks?: readonly AttachedNetwork[]
  readonly ports?: readonly PublishedPort[]
  readonly cgroupPath?: string
  /** The exit was recorded and what the run used (mounts, network, runtime state) was given back. */
  readonly cleanedUp?: boolean
}
