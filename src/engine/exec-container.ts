import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../errors.ts'
import { removeFiles } from '../fs/remove-tree.ts'
import { launchExec, type ExecSession } from '../monitor/exec.ts'
import { identify, killProcess } from '../process/identity.ts'
import { specText } from '../spec/spec-text.ts'
import type { Pairs } from '../spec/request.ts'
import type { Container } from '../state/containers.ts'
import type { AttachIo } from './attach-io.ts'
import { pump } from './attach-container.ts'
import type { Engine } from './engine.ts'
import { cleanupCommand } from './cleanup-command.ts'
import { sessionEntry } from './end-exec-session.ts'
import { buildExecProcess } from './exec-process.ts'
import { reapSessions } from './exec-sessions.ts'
import { findContainer, runningProcess } from './find-container.ts'
import { monitorOptions } from './monitor-options.ts'
import { randomId } from './random-name.ts'
import { recordEvent } from './record-event.ts'

export interface ExecRequest {
  readonly command: readonly string[]
  readonly env?: Pairs
  readonly workdir?: string
  readonly user?: string
  readonly terminal?: boolean
  readonly stdin?: boolean
  readonly privileged?: boolean
  readonly preserveFds?: readonly number[]
  /** Absent: detached. */
  readonly io?: AttachIo
}

export interface Executed {
  readonly sessionId: string
  /** Absent: it runs on. */
  readonly exitCode?: number
}

/**
 * Runs a further process in a running container. A session is a folder of the run root: a killed caller leaves nothing that
 * needs a database, and a dead session's folder goes with the next exec. Of a detached one the exit program has it removed.
 * @throws wrongState when the container doesn't run or is paused; commandNotFound, cannotInvoke
 */
export async function execContainer(engine: Engine, nameOrId: string, request: ExecRequest): Promise<Executed> {
  const container = await findContainer(engine, nameOrId)
  runningProcess(engine, container, 'cannot exec: ')
  if (container.phase === 'paused') throw new Failure('wrongState', `cannot exec: container ${container.name} is paused`, { hint: `resume it first: scow unpause ${container.name}` })
  reapSessions(engine.paths.container(container.id).exec)
  const sessionId = randomId()
  const dir = join(engine.paths.container(container.id).exec, sessionId)
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  try {
    const session = await launch(engine, { container, request, sessionId, dir })
    await recordEvent(engine, container, { status: 'exec' })
    const executed = await follow(session, { request, sessionId, dir })
    // of what runs on the exit program tells the end
    if (executed.exitCode !== undefined) await recordEvent(engine, container, { status: 'exec_died', attributes: { containerExitCode: String(executed.exitCode) } })
    return executed
  } catch (error) {
    removeFiles(dir)
    throw error
  }
}

interface Launch { container: Container; request: ExecRequest; sessionId: string; dir: string }

async function launch(engine: Engine, { container, request, sessionId, dir }: Launch): Promise<ExecSession> {
  const processFile = join(dir, 'process.json')
  writeFileSync(processFile, specText(await buildExecProcess(engine, container, request)), { mode: 0o600 })
  const shared = await monitorOptions(engine, container)
  return launchExec({
    ...shared, sessionId, dir, processFile, persistDir: dir, exitDir: dir,
    pidFile: join(dir, 'pidfile'), monitorPidFile: join(dir, 'conmon.pid'),
    ...(request.io ? {} : { exitCommand: await cleanupCommand(engine, { id: sessionEntry(container.id, sessionId) }) }),
    log: { driver: 'none' }, terminal: request.terminal ?? false, stdin: request.stdin ?? false,
    attach: request.io !== undefined,
    ...(request.preserveFds?.length ? { extraFds: request.preserveFds } : {}),
    ...(request.io?.signal ? { signal: request.io.signal } : {}),
  })
}

async function follow(session: ExecSession, { request, sessionId, dir }: { request: ExecRequest; sessionId: string; dir: string }): Promise<Executed> {
  if (!request.io || !session.attachment) {
    session.detach()
    return { sessionId }
  }
  const end = await pump(session.attachment, request.io)
  if (end === 'detached') {
    session.detach()
    return { sessionId }
  }
  if (end === 'unread') signalPipe(session.pid)
  const exitCode = await session.exitCode()
  removeFiles(dir)
  return { sessionId, exitCode }
}

/** Of a process whose output went to us straight the kernel would do it. */
function signalPipe(pid: number): void {
  const process = identify(pid)
  if (process) killProcess(process, 'SIGPIPE')
}
