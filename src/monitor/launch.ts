// Starts a container monitor (conmon 2.1's contract), which starts the runtime and stays.
import type { Failure } from '../errors.ts'
import type { MonitorCgroup } from './cgroup.ts'
import type { Attachment } from './attach.ts'
import { forgetExit } from './exit.ts'
import type { LogTarget } from './log-target.ts'
import { startMonitor } from './start-monitor.ts'

export type { MonitorCgroup, LogTarget }

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
  /** Puts what the runtime said when it refused into our words: `Runtime.explain`. */
  readonly explain: (text: string) => Failure
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
  /** Descriptors that monitor and runtime keep open as 3, 4, ...: reserved ports, or those of `--preserve-fds`. */
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
  /** Attach from the start, where the monitor is ours: no byte is lost. */
  readonly client?: boolean
  /** With log driver passthrough: the container has these as its 0, 1, 2. */
  readonly stdio?: readonly [number, number, number]
}

export interface Launched {
  /** The container's first process, created and not started. */
  readonly pid: number
  readonly monitorPid: number
  /** With `client`, from our monitor. */
  readonly attachment: Attachment | undefined
}

/**
 * Resolves when the runtime has created the container; the monitor then owns it and this process may end.
 * Failure: what the runtime said, put in our words (commandNotFound, cannotInvoke, ...); timeout; cancelled: the
 * monitor and what it started are killed then, and the caller deletes what the runtime may have left.
 */
export const launchMonitor = async (options: LaunchOptions): Promise<Launched> => {
  forgetExit(options)
  const { client = false, monitor, stdio } = options
  const started = await startMonitor({ ...options, client: client && monitor.ours }, containerArgs(options), stdio)
  const { attachment } = started
  try {
    const { data: pid } = await started.answer()
    return { pid, monitorPid: started.monitorPid(), attachment }
  } catch (error) {
    attachment?.close()
    throw error
  } finally {
    started.letGo()
  }
}

const containerArgs = (options: LaunchOptions): string[] => [
  '--bundle', options.bundle,
  ...(options.leaveStdinOpen ? ['--leave-stdin-open'] : []),
  ...(options.sdnotify === undefined ? [] : ['--sdnotify-socket', options.sdnotify]),
  ...(options.noPivot ? ['--no-pivot'] : []),
  ...(options.noNewKeyring ? ['--no-new-keyring'] : []),
  ...(options.syncLog === false ? ['--no-sync-log'] : []),
  ...(options.runtimeCreateArgs ?? []).flatMap((arg) => ['--runtime-opt', arg]),
  '--cuuid', options.id,
]
