// Starts a container monitor (conmon 2.1's contract), which starts the runtime and stays.
import { Failure } from '../errors.ts'

export interface LogTarget {
  readonly driver: 'k8s-file' | 'json-file' | 'journald' | 'passthrough' | 'none'
  /** For k8s-file and json-file. */
  readonly path?: string
  readonly maxSizeBytes?: number
  /** Rotated files to keep; only our monitor does. */
  readonly maxFiles?: number
  readonly tag?: string
  /** `name=value` for journald and json-file; only our monitor does. */
  readonly labels?: readonly string[]
}

/** How the monitor leaves its caller's cgroup, before it starts anything. */
export type MonitorCgroup =
  | { readonly manager: 'cgroupfs'; /** Below each hierarchy's root, e.g. `scow/conmon-ID`; removed with `removeMonitorCgroup`. */ readonly path: string }
  | { readonly manager: 'systemd'; /** `scow-conmon-ID.scope` */ readonly unit: string; readonly slice: string }
  /** Stay where the caller is. */
  | { readonly manager: 'none' }

export interface MonitorProgram {
  /** Executable of conmon. */
  readonly path: string
  /** Ours: it rotates, has the stream socket `attach.stream`, json-file and labels. */
  readonly ours: boolean
}

/** What container and exec launches share. */
export interface MonitorOptions {
  readonly monitor: MonitorProgram
  /** Executable of the OCI runtime, with the global arguments of `Runtime.globalArgs`. */
  readonly runtime: string
  readonly runtimeArgs: readonly string[]
  readonly systemdCgroup: boolean
  /** The container. */
  readonly id: string
  readonly name: string
  readonly log: LogTarget
  readonly terminal: boolean
  readonly stdin: boolean
  /** The monitor's pid goes here (and the session's or container's into `pidFile`). */
  readonly monitorPidFile: string
  readonly pidFile: string
  readonly persistDir: string
  readonly exitDir: string
  /** Program and arguments, run when the process ended. */
  readonly exitCommand?: readonly string[]
  readonly exitDelaySeconds?: number
  /** SIGKILL after so many seconds; the exit code is then -1. */
  readonly timeoutSeconds?: number
  readonly cgroup: MonitorCgroup
  /** The whole environment of monitor and runtime. Default: PATH only. */
  readonly env?: Readonly<Record<string, string>>
  /** Descriptors the monitor keeps open while the container runs (reserved ports). They become 3, 4, ... when `preserveFds`. */
  readonly extraFds?: readonly number[]
  /** Wait for the pid. Default 240 s. */
  readonly deadlineMs?: number
  readonly signal?: AbortSignal | undefined
  readonly logLevel?: string
}

export interface LaunchOptions extends MonitorOptions {
  /** Attach socket, `ctl` and config.json are in it. */
  readonly bundle: string
  /** Do not close the container's stdin when an attached client does. */
  readonly leaveStdinOpen?: boolean
  /** Path of the service manager's notify socket to relay to. */
  readonly sdnotify?: string
  readonly noPivot?: boolean
  readonly noNewKeyring?: boolean
  readonly syncLog?: boolean
  /** Extra arguments of the runtime's create, e.g. `--preserve-fds 2`. */
  readonly runtimeCreateArgs?: readonly string[]
  /** With log driver passthrough: the container has these as its 0, 1, 2. */
  readonly stdio?: readonly [number, number, number]
}

export interface Launched {
  /** The container's first process, created and not started. */
  readonly pid: number
  readonly monitorPid: number
}

/**
 * Resolves when the runtime has created the container; the monitor then owns it and this process may end.
 * Failure: what the runtime said, put in our words (commandNotFound, cannotInvoke, ...); timeout; cancelled: the
 * monitor and what it started are killed then, and the caller deletes what the runtime may have left.
 */
export const launchMonitor = (options: LaunchOptions): Promise<Launched> => {
  throw new Failure('unsupported', `not yet: ${options.id}`)
}
