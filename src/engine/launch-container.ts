import { existsSync, mkdirSync } from 'node:fs'
import { Failure, reasonOf } from '../errors.ts'
import { writeFileAtomic } from '../fs/write-atomic.ts'
import type { Attachment } from '../monitor/attach.ts'
import { launchMonitor } from '../monitor/launch.ts'
import type { PublishedPort } from '../state/container-status.ts'
import type { Container } from '../state/containers.ts'
import { cleanupCommand } from './cleanup-command.ts'
import type { Engine } from './engine.ts'
import { monitorOptions } from './monitor-options.ts'
import { relaysReadiness } from './report-readiness.ts'

export interface Launched {
  /** Of the container's first process, created and not yet started. */
  readonly pid: number
  readonly monitorPid: number
  /** With `attached`, where the monitor is ours. */
  readonly attachment: Attachment | undefined
}

export interface Launch {
  readonly container: Container
  /** The caller waits for the end and cleans up itself. */
  readonly attended: boolean
  readonly exitProgram: boolean
  /** Kept from other programs of the host for as long as the monitor lives. */
  readonly ports: readonly PublishedPort[]
  /** Attach from the start. */
  readonly attached: boolean
  readonly signal?: AbortSignal
}

const JOURNAL = '/run/systemd/journal/socket'

/** Starts the monitor, which has the runtime create the container. The bundle is there. */
export async function launchContainer(engine: Engine, { container, attended, exitProgram, ports, attached, signal }: Launch): Promise<Launched> {
  const { id, record } = container
  const { request } = record
  if (request.log.driver === 'journald' && !existsSync(JOURNAL)) {
    throw new Failure('unavailable', `the log driver journald has no journal to write to: there is no ${JOURNAL}`, { hint: 'start systemd-journald, or choose another --log-driver' })
  }
  const own = engine.paths.container(id)
  mkdirSync(own.persist, { recursive: true, mode: 0o700 })
  const { log } = request
  const preserved = request.preserveFds ?? []
  using held = ports.length > 0 ? (await import('../network/hold-ports.ts')).holdPorts(ports) : undefined
  const launched = await launchMonitor({
    ...await monitorOptions(engine, container),
    bundle: own.bundle, client: attached,
    pidFile: own.pidFile,
    monitorPidFile: own.monitorPidFile,
    log: {
      driver: log.driver, path: record.logPath,
      ...(log.maxSizeBytes ? { maxSizeBytes: log.maxSizeBytes } : {}), ...(log.maxFiles ? { maxFiles: log.maxFiles } : {}), ...(log.tag ? { tag: log.tag } : {}),
    },
    // conmon would close the terminal's input for good when the first client leaves.
    terminal: request.terminal, stdin: request.stdin, leaveStdinOpen: request.stdin && (request.terminal || request.stdinOnce === false),
    ...(exitProgram ? { exitCommand: await cleanupCommand(engine, { id, attended }) } : {}),
    extraFds: [...preserved, ...held?.fds ?? []], ...(preserved.length ? { runtimeCreateArgs: ['--preserve-fds', String(preserved.length)] } : {}),
    ...(log.driver === 'passthrough' ? { stdio: [0, 1, 2] as const } : {}),
    ...(request.timeoutSeconds ? { timeoutSeconds: request.timeoutSeconds } : {}),
    ...(relaysReadiness(engine, container) ? { sdnotify: engine.environment.notifySocket! } : {}),
    // Gone with the machine in any case.
    syncLog: !request.autoRemove,
    noPivot: engine.config.engine.noPivotRoot,
    ...(signal ? { signal } : {}),
  })
  // Where the user wants them too; the container's own are for whoever comes after us.
  leavePid('--pidfile', request.pidFile, launched.pid)
  leavePid('--conmon-pidfile', request.monitorPidFile, launched.monitorPid)
  return launched
}

function leavePid(flag: string, path: string | undefined, pid: number): void {
  if (!path) return
  try {
    writeFileAtomic(path, String(pid), { sync: false })
  } catch (error) {
    throw new Failure('invalid', `cannot write ${flag} ${path}: ${reasonOf(error)}`, { cause: error })
  }
}
