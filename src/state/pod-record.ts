import type { IdRange, Pairs, PortRequest } from '../spec/request.ts'
import type { AttachedNetwork } from './container-status.ts'

/** What a caller wants of a new pod. Stored in its record: every field added later must be optional. */
export interface PodRequest {
  /** Unique among pods and containers. */
  readonly name: string
  /** The pod as Kubernetes knows it; for CNI. */
  readonly kube?: { readonly name: string; readonly namespace: string; readonly uid: string; readonly attempt: number }
  /** Empty: the host's own (host network). */
  readonly hostname: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly network: 'pod' | 'host'
  readonly ipc: 'pod' | 'host'
  /** `pod`: one process table for all, held by a pause process. */
  readonly pid: 'pod' | 'container' | 'host'
  readonly user?: { readonly uids: readonly IdRange[]; readonly gids: readonly IdRange[] }
  readonly ports: readonly PortRequest[]
  /** Name of its CNI list; absent: the first of the directory. */
  readonly networkName?: string
  readonly bandwidth?: { readonly ingressRate?: number; readonly ingressBurst?: number; readonly egressRate?: number; readonly egressBurst?: number }
  readonly dns?: { readonly servers: readonly string[]; readonly searches: readonly string[]; readonly options: readonly string[] }
  readonly sysctls: Pairs
  /** Of what its containers share, and of those that say nothing else: user:, role:, type:, level:. */
  readonly selinux?: readonly string[]
  readonly shmSizeBytes?: number
  readonly cgroupParent?: string
  /** Of the pod's containers, by name or path; absent: the configured one. */
  readonly runtime?: string
  /** The caller's own words of it, kept as they are. */
  readonly source?: string
}

export interface PodRecord {
  readonly version: 1
  readonly id: string
  readonly createdAtMs: number
  readonly request: PodRequest
}

/** `ready`: made and not stopped. Whether it still is, readers derive from its pins and the boot. */
export type PodPhase = 'ready' | 'stopped' | 'removing'

export interface PodStatus {
  readonly bootId: string
  /** Absent with the host's network. */
  readonly netns?: string
  readonly networks: readonly AttachedNetwork[]
  /** Container that holds the shared process namespace. */
  readonly infraId?: string
  /** Network and pins are given back. */
  readonly released?: boolean
  /** What was asked for later: the caller's own words. */
  readonly resources?: string
}
