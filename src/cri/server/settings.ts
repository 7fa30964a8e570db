import type { StreamTls } from './streaming/tls.ts'

export interface ServeSettings {
  /** Where clients connect for exec, attach and port-forward; port 0 is any; plain HTTP without `tls`. */
  readonly streaming: { readonly address: string; readonly port: number; readonly tls?: StreamTls }
  /** `HOST:PORT` of the server's own figures; absent: none are kept. */
  readonly metricsAddress?: string
  /** Canonical names or digest references. */
  readonly pinnedImages: readonly string[]
}
