// What every RPC is given.
import type { Engine } from '../../engine/engine.ts'
import type { ServeSettings } from './settings.ts'
import type { RpcMetrics } from './metrics/rpc-metrics.ts'
import type { Sampler } from './stats/sampler.ts'
import type { Streaming } from './streaming/streaming-server.ts'
import type { Sources } from './sources.ts'

export interface Handler {
  /** Name or path for the engine; undefined: the configured one. */
  readonly runtime: string | undefined
  readonly recursiveReadOnly: boolean
  readonly userNamespaces: boolean
}

export interface Server {
  readonly engine: Engine
  /** Of this program. */
  readonly version: string
  /** What is being made, by its name: a retried request joins it. */
  readonly inFlight: Map<string, Promise<string>>
  readonly sources: Sources
  readonly settings: ServeSettings
  readonly sampler: Sampler
  readonly streaming: Streaming
  /** Only where the metrics are served. */
  readonly metrics?: RpcMetrics
  /** OCI runtimes by handler; the empty name is the default. */
  readonly handlers: ReadonlyMap<string, Handler>
  /** Fires when the server ends. */
  readonly ending: AbortSignal
}
