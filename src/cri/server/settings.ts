import type { StreamTls } from './streaming/tls.ts'

export interface ServeSettings {
  /** Where clients connect for exec, attach and port-forward; port 0 is any; plain HTTP without `tls`. */
  readonly streaming: { readonly address: string; readonly port: number; readonly tls?: StreamTls }
  /** `HOST:PORT` of the server's own figures; absent: none are kept. */
  readonly metricsAddress?: string
  /** As a person types them: names, or references with a digest. */
  readonly pinnedImages: readonly string[]
  /** Runtimes by handler, besides those of the engine's configuration. */
  readonly handlers: Readonly<Record<string, string>>
  /** Handler of pods that are annotated as untrusted; empty: they are refused. */
  readonly untrustedHandler: string
  /** Name of the CNI list that pods are connected to; absent: the first of the directory. */
  readonly network?: string
}
