// A process added to a running container, under a monitor of its own.
import { Failure } from '../errors.ts'
import type { Attachment } from './attach.ts'
import type { MonitorOptions } from './launch.ts'

export interface LaunchExecOptions extends MonitorOptions {
  /** Of this session: unique among the container's. */
  readonly sessionId: string
  /** Holds the session's attach sockets and `ctl`; exists. */
  readonly dir: string
  /** File with the OCI process object. */
  readonly processFile: string
  /** Connect before the process starts, so that no output is lost. */
  readonly attach: boolean
}

export interface ExecSession {
  readonly pid: number
  readonly monitorPid: number
  /** With `attach`. */
  readonly attachment: Attachment | undefined
  /** Ends with the process; 128 + n for signal n. Rejects with timeout after `timeoutSeconds`. Only while attached or awaited here. */
  exitCode(): Promise<number>
  /** Lets go of the monitor's pipe so that this process may end (detached sessions). */
  detach(): void
}

/** As `launchMonitor`, for `conmon --exec`. Failure commandNotFound (127) and cannotInvoke (126) as the runtime said. */
export const launchExec = (options: LaunchExecOptions): Promise<ExecSession> => {
  throw new Failure('unsupported', `not yet: ${options.id}`)
}
