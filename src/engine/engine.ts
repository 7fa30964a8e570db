// The parts an act may touch. An act takes `Pick<Engine, ...>`: its signature says what it touches.
import type { Config } from '../config.ts'
import type { Environment } from '../environment.ts'
import type { Networks } from '../network/networks.ts'
import type { Paths } from '../paths.ts'
import type { Registry } from '../registry/registry.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { ProcessStamp } from '../state/container-status.ts'
import type { State } from '../state/state.ts'
import type { Storage } from '../storage/storage.ts'

export interface Engine {
  readonly config: Config
  readonly environment: Environment
  readonly paths: Paths
  readonly state: State
  /** This process, as intents name their owner. */
  readonly self: ProcessStamp
  /** Parts that a command may not need are opened on first use, once. */
  storage(): Promise<Storage>
  networks(): Promise<Networks>
  registry(): Promise<Registry>
  /** By name or path; absent: the configured one. @throws unsupported with what to install */
  runtime(nameOrPath?: string): Promise<Runtime>
  /** The configuration as its files say now, with the flags that were given. @throws invalid */
  readConfig(): Config
  /** Ends what was opened. The command line just exits instead. */
  close(): Promise<void>
}
