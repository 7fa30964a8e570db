/** One place that a repository can be read from: the registry itself or a mirror. */
export interface Endpoint {
  /** Host with its port. */
  readonly host: string
  readonly path: string
  /** registries.conf: any certificate, or plain HTTP. */
  readonly insecure: boolean
  readonly mirror: boolean
}
