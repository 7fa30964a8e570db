// A process added to a running container, under a monitor of its own.
import { basename } from 'node:path'
import { Failure } from '../errors.ts'
import { attach, type Attachment } from './attach.ts'
import type { MonitorOptions } from './launch.ts'
import { startMonitor, type StartedMonitor } from './start-monitor.ts'

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
  /** Ends with the process; 128 + n for signal n. Failure timeout after `timeoutSeconds`, unavailable when its monitor was killed. */
  exitCode(): Promise<number>
  /** Lets go of the monitor's pipe so that this process may end (detached sessions). */
  detach(): void
}

const SOCKET_MS = 5000

/** As `launchMonitor`, for `conmon --exec`. Failure commandNotFound (127) and cannotInvoke (126) as the runtime said. */
export const launchExec = async (options: LaunchExecOptions): Promise<ExecSession> => {
  const { ours } = options.monitor
  const attachPipe = options.attach && !ours
  const started = await startMonitor({ ...options, attachPipe, client: options.attach && ours }, [
    '--exec', '--no-sync-log', '--exec-process-spec', options.processFile, '--bundle', options.dir, '--cuuid', options.sessionId,
    ...(attachPipe ? ['--exec-attach'] : []),
  ])
  let { attachment } = started
  try {
    if (attachPipe) {
      await started.attachable()
      attachment = await attach(options.dir, { waitMs: SOCKET_MS, signal: options.signal })
      started.proceed()
    }
    const { data: pid } = await started.answer()
    return session(started, { pid, attachment, name: basename(options.monitor.path) })
  } catch (error) {
    attachment?.close()
    started.letGo()
    throw error
  }
}

const session = (started: StartedMonitor, { pid, attachment, name }: { pid: number; attachment: Attachment | undefined; name: string }): ExecSession => {
  let ending: Promise<number> | undefined
  return {
    pid, attachment,
    monitorPid: started.monitorPid(),
    exitCode: () => (ending ??= awaitEnd(started, name)),
    detach: () => {
      attachment?.close()
      started.letGo()
    },
  }
}

const awaitEnd = async (started: StartedMonitor, name: string): Promise<number> => {
  const end = await started.next()
  started.letGo()
  if (end === undefined) throw new Failure('unavailable', `the exit code is not known: ${name} of this session has gone`)
  if (end.data < 0) throw new Failure('timeout', 'the command did not end in time and was killed')
  return end.data
}
