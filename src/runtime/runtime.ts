// An OCI runtime seen through its command line. Creating is the monitor's part: it needs `globalArgs`.
import { Failure } from '../errors.ts'

export type RuntimeKind = 'runc' | 'crun' | 'runsc' | 'kata' | 'other'

export interface RuntimeOptions {
  /** Executable, as `findRuntime` returns it. */
  readonly path: string
  /** What the runtime keeps its own state in (`--root`). */
  readonly stateDir: string
  readonly systemdCgroup: boolean
  /** Further global arguments from the configuration. */
  readonly extraArgs?: readonly string[]
}

export type RuntimeStatus = 'creating' | 'created' | 'running' | 'paused' | 'stopped'

export interface RuntimeState {
  readonly id: string
  readonly status: RuntimeStatus
  /** 0 when stopped. */
  readonly pid: number
  readonly bundle: string
}

export interface RuntimeFeatures {
  readonly ociVersionMin?: string
  readonly ociVersionMax?: string
  readonly mountOptions: readonly string[]
  readonly hooks: readonly string[]
  readonly namespaces: readonly string[]
  readonly seccomp?: boolean
}

export interface CallOptions {
  /** Default 60 s. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal | undefined
}

export interface ExecOptions extends CallOptions {
  /** File with an OCI process object (config.md, "process"), without a terminal. */
  readonly processFile: string
  /** Where the runtime writes the process's pid: a deadline kills that process and its group. */
  readonly pidFile: string
  readonly input?: string | Uint8Array
  /** Of stdout and stderr each; what is beyond is dropped. Default 16 MiB. */
  readonly maxOutputBytes?: number
}

export interface ExecResult {
  /** 128 + n when signal n ended it. */
  readonly exitCode: number
  readonly stdout: Buffer
  readonly stderr: Buffer
}

export interface Runtime {
  readonly kind: RuntimeKind
  readonly path: string
  readonly systemdCgroup: boolean
  /**
   * Arguments before the command, for the monitor to hand on: state directory, log file, what this kind needs.
   * Without --systemd-cgroup, which the monitor adds itself. `hostNetwork`: the container has the host's network.
   */
  globalArgs(container: { readonly logFile?: string; readonly hostNetwork?: boolean }): string[]
  /** Lets the created process go on. Failure wrongState unless created, commandNotFound, cannotInvoke. */
  start(id: string, options?: CallOptions): Promise<void>
  /** Failure notFound, or wrongState when it is not running. `all`: every process of the container. */
  kill(id: string, signal: number, options?: CallOptions & { readonly all?: boolean }): Promise<void>
  /** Idempotent: a container the runtime doesn't know is fine. `force` kills it first. */
  delete(id: string, options?: CallOptions & { readonly force?: boolean }): Promise<void>
  /** Undefined when the runtime doesn't know it. */
  state(id: string, options?: CallOptions): Promise<RuntimeState | undefined>
  list(options?: CallOptions): Promise<RuntimeState[]>
  pause(id: string, options?: CallOptions): Promise<void>
  resume(id: string, options?: CallOptions): Promise<void>
  /** `resources`: linux.resources of the OCI runtime specification. */
  update(id: string, resources: object, options?: CallOptions): Promise<void>
  /**
   * Runs a process in the container without a monitor, for probes. After `timeoutMs` it is killed and reaped and
   * Failure timeout thrown. A command that is missing is Failure commandNotFound, never a bare code.
   */
  exec(id: string, options: ExecOptions): Promise<ExecResult>
  features(options?: CallOptions): Promise<RuntimeFeatures>
  /** First line of `--version`. */
  version(options?: CallOptions): Promise<string>
}

export const openRuntime = (options: RuntimeOptions): Runtime => {
  throw new Failure('unsupported', `not yet: ${options.path}`)
}

export interface RuntimeTable {
  /** Name -> candidate paths in order (containers.conf `[engine.runtimes]`). */
  readonly runtimes?: Readonly<Record<string, readonly string[]>>
  /** Searched for names the table lacks. */
  readonly dirs?: readonly string[]
}

/** Name or path -> executable path. Failure notFound with the package to install, invalid when it can't be executed. */
export const findRuntime = (nameOrPath: string, table: RuntimeTable = {}): string => {
  throw new Failure('notFound', `${nameOrPath} ${JSON.stringify(table)}`)
}
