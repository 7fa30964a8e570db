import type { CertificateFiles } from './certificates.ts'

/** One place that a repository can be read from: the registry itself or a mirror. */
export interface Endpoint {
  /** Host with its port. */
  readonly host: string
  readonly path: string
  /** registries.conf: any certificate, or plain HTTP. */
  readonly insecure: boolean
  readonly mirror: boolean
  /** What hosts.toml says of it. */
  readonly server?: Server
}

/** How one host of a hosts.toml is reached. */
export interface Server {
  /** To try in order; absent: as for any host. */
  readonly schemes?: readonly Scheme[]
  /** Where the API begins, without a slash at its end: `/v2`. */
  readonly basePath: string
  /** The registry that it stands for, told to it as `ns`; absent where it is that registry. */
  readonly namespace?: string
  /** May say what a tag means. */
  readonly resolves: boolean
  /** May give content. */
  readonly pulls: boolean
  readonly headers: Readonly<Record<string, string | readonly string[]>>
  readonly certificates: CertificateFiles
  readonly connectMs?: number
}

export type Scheme = 'http' | 'https'
