import type { PublishedPort } from './container-status.ts'
import type { ContainerRequest } from '../spec/request.ts'

/** The immutable half of a container, as stored. A later version may add optional fields only. */
export interface ContainerRecord {
  readonly version: 1
  readonly id: string
  readonly createdAtMs: number
  readonly request: ContainerRequest
  /** Absent with --rootfs. `name` is canonical, or what the user typed when the image has none. */
  readonly image?: { readonly id: string; readonly name: string; readonly digest: string; readonly chainIds: readonly string[] }
  /** Inputs of the spec that were settled at creation. */
  readonly command: readonly string[]
  readonly entrypoint: readonly string[]
  readonly workdir: string
  readonly user: string
  readonly hostname: string
  readonly stopSignal: number
  readonly stopTimeoutSeconds: number
  readonly labels: Readonly<Record<string, string>>
  readonly volumes: readonly VolumeUse[]
  readonly exposed: readonly string[]
  readonly storageDriver: string
  readonly runtime: { readonly name: string; readonly path: string }
  readonly cgroupManager: 'systemd' | 'cgroupfs'
  readonly logPath: string
  /** argv of the process that created it, for `inspect`. */
  readonly createCommand: readonly string[]
  /** What a server was asked for, in its own words. */
  readonly source?: string
}

export interface VolumeUse {
  readonly name: string
  readonly target: string
  readonly anonymous: boolean
}

/** What listings show, kept beside the record so that they need not parse it. */
export interface ContainerSummary {
  readonly imageName: string
  readonly command: readonly string[]
  readonly labels: Readonly<Record<string, string>>
  readonly mounts: readonly string[]
  readonly networks: readonly string[]
  readonly exposed: readonly string[]
  /** To be published when it starts, where the port of the host is known before. */
  readonly ports?: readonly PublishedPort[]
  readonly volumes: readonly string[]
  readonly autoRemove: boolean
  readonly restart: string
  readonly namespaces: Readonly<Record<string, string>>
  readonly pod?: string
}
