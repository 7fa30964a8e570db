// What can be done with containers. Each command has the engine's way of it, commands/remote that over the CRI.
import type { Invocation } from '../../cli/command.ts'
import type { LogLine } from '../../engine/container-logs.ts'
import type { CopyEnd } from '../../engine/copy-files.ts'
import type { Engine } from '../../engine/engine.ts'
import type { Executed, ExecRequest } from '../../engine/exec-container.ts'
import type { ContainerSource } from './source.ts'
import type { createOptions } from './options/create-options.ts'
import type { runOnlyOptions } from './options/later-options.ts'

export interface ContainerActs {
  readonly containers: ContainerSource
  /** What leaves a container running where no flag says otherwise; empty: nothing. */
  readonly detachKeys: string
  /** @throws Failure notFound */
  stop(id: string, how: { readonly timeoutSeconds?: number; readonly signal: AbortSignal }): Promise<void>
  kill(id: string, signal: number): Promise<void>
  /** One that runs already is left as it is. */
  start(id: string): Promise<void>
  /** Starts it with the caller's streams. @returns its exit code; 0 when the user left */
  startAttached(id: string, how: AttachManner): Promise<number>
  /** @returns its exit code; 0 when the user left */
  attach(id: string, how: AttachManner): Promise<number>
  /** @throws Failure notFound; wrongState: it runs and `force` is not given; inUse: others need it */
  remove(id: string, how: { readonly force: boolean; readonly volumes: boolean; readonly dependents: 'refuse' | 'remove'; readonly onDependentRemoved?: (id: string) => void; readonly stopTimeoutSeconds?: number }): Promise<void>
  /** In what order they go: who needs others first. */
  removalWaves<T extends { readonly id: string }>(chosen: readonly T[]): Promise<readonly (readonly T[])[]>
  /** @returns the exit code, -1 when it is none */
  wait(id: string, how: { readonly conditions?: readonly string[]; readonly intervalMs?: number; readonly signal: AbortSignal }): Promise<number>
  logs(id: string, range: LogRange): Promise<AsyncIterable<LogLine>>
  /** As this machine sees them. @throws Failure wrongState: it does not run */
  pids(id: string): Promise<readonly number[]>
  exec(id: string, request: ExecRequest): Promise<Executed>
  /** Has `act` see the files of these containers, by their ids. */
  withTrees(ids: readonly string[], act: (trees: ReadonlyMap<string, CopyEnd>) => Promise<void>): Promise<void>
  run(call: RunCall): Promise<number>
  create(call: CreateCall): Promise<string>
  /** Removes those that do not run and that `chosen` takes. @returns their ids */
  prune(chosen: (row: Awaited<ReturnType<ContainerSource['list']>>[number]) => boolean): Promise<readonly string[]>
}

export interface AttachManner {
  readonly stdin: boolean
  readonly detachKeys: string | undefined
  readonly sigProxy: boolean
  readonly interrupt: Invocation['interrupt']
}

export interface LogRange {
  readonly sinceNs?: bigint
  readonly untilNs?: bigint
  readonly tail?: number
  readonly follow: boolean
  readonly signal: AbortSignal
}

export type RunOptions = typeof createOptions & typeof runOnlyOptions
export type RunCall = Invocation<RunOptions, Engine>
export type CreateCall = Invocation<typeof createOptions, Engine>
