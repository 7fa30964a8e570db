import { Failure, isFailure } from '../errors.ts'
import { killCgroup } from '../process/cgroup-tree.ts'
import { isAlive, killProcess } from '../process/identity.ts'
import { signalName } from '../signals.ts'
import type { Container } from '../state/containers.ts'
import { cgroupsPath, groupPath } from './cgroup-path.ts'
import { withContainerLock } from './container-lock.ts'
import type { Engine } from './engine.ts'
import { trueRow } from './find-container.ts'
import { settleContainer } from './settle-container.ts'
import { signalContainer, thawContainer } from './signal-container.ts'
import { waitForExit } from './wait-container.ts'

type Parts = Pick<Engine, 'config' | 'paths' | 'state' | 'self' | 'storage' | 'runtime' | 'networks'>

export interface StopOptions {
  /** Seconds between the stop signal and SIGKILL; absent: the container's own. 0: SIGKILL at once. */
  readonly timeoutSeconds?: number
  /** Ends the waiting: it has got its stop signal, and no SIGKILL follows. */
  readonly signal?: AbortSignal
}

const KILL_PATIENCE_MS = 10_000

/**
 * Stop signal, patience, SIGKILL; then what the run used is given back. Waits without holding any lock.
 * @returns whether it ran @throws notFound
 */
export async function stopContainer(engine: Parts, id: string, options: StopOptions = {}): Promise<boolean> {
  for (let anyRan = false; ;) {
    const { ran, startedAgain } = await stopOnce(engine, id, options)
    anyRan ||= ran
    if (!startedAgain) return anyRan
  }
}

/** `startedAgain`: somebody, or its policy, was about to start it when we looked, and what we said is forgotten. */
async function stopOnce(engine: Parts, id: string, options: StopOptions): Promise<{ readonly ran: boolean; readonly startedAgain: boolean }> {
  const stored = await engine.state.containers.get(id)
  if (!stored) throw new Failure('notFound', `no container with ID ${id.slice(0, 12)} found: no such container`)
  const container = trueRow(engine, stored)
  const ran = container.phase === 'running' || container.phase === 'paused'
  if (ran) {
    await engine.state.containers.change({ id, status: { stoppedByUser: true } }, { durable: false })
    await endProcess(engine, container, options)
  } else if (container.phase === 'exited' && container.record.request.restart.name !== 'no') {
    // Between two starts by its policy: this must end that too.
    await engine.state.containers.change({ id, status: { stoppedByUser: true } }, { durable: false })
  }
  const now = await withContainerLock(engine, id, () => settleContainer(engine, id)).catch((error: unknown) => {
    if (!isFailure(error, 'notFound')) throw error // --rm: somebody else removed it meanwhile
  })
  return { ran, startedAgain: now !== undefined && now.phase !== 'removing' && now.starts > container.starts && (!ran || (now.status.restarts ?? 0) > 0) }
}

async function endProcess(engine: Parts, container: Container, { timeoutSeconds, signal }: StopOptions): Promise<void> {
  const { record } = container
  if (container.phase === 'paused') await thawContainer(engine, container)
  const patienceMs = (timeoutSeconds ?? record.stopTimeoutSeconds) * 1000
  if (patienceMs > 0) {
    await signalContainer(engine, container, record.stopSignal).catch(ignoreGone)
    if (await waitForExit(engine, container, { timeoutMs: patienceMs, ...(signal ? { signal } : {}) })) return
    signal?.throwIfAborted() // who lost patience did not ask for SIGKILL
    const { log } = await import('../log.ts')
    log.warn(`StopSignal ${signalName(record.stopSignal)} failed to stop container ${container.name} in ${patienceMs / 1000} seconds, resorting to SIGKILL`)
  }
  await signalContainer(engine, container, 9, { all: true }).catch(ignoreGone)
  if (await waitForExit(engine, container, { timeoutMs: KILL_PATIENCE_MS, ...(signal ? { signal } : {}) })) return
  if (await killGroup(container) && await waitForExit(engine, container, { timeoutMs: KILL_PATIENCE_MS })) return
  if (endHungMonitor(container) && await waitForExit(engine, container, { timeoutMs: KILL_PATIENCE_MS })) return
  throw new Failure('timeout', `container ${container.name} did not end ${KILL_PATIENCE_MS / 1000} s after SIGKILL`, { hint: `a process of it (pid ${container.status.process?.pid ?? 'unknown'}) hangs in the kernel: look at its /proc/PID/stack` })
}

/** A profile of AppArmor that allows no signals keeps them off, and runtimes do not say so. @returns whether there was anything to kill */
async function killGroup(container: Container): Promise<boolean> {
  const { process: init } = container.status
  if (!init || !isAlive(init)) return false
  await killCgroup(groupPath(cgroupsPath(container)))
  return true
}

/** The container is gone and only its monitor keeps its end to itself: without the monitor it counts as ended, code unknown. */
function endHungMonitor({ status: { process: init, monitor } }: Container): boolean {
  if (!monitor || !isAlive(monitor) || (init && isAlive(init))) return false
  return killProcess(monitor, 'SIGKILL')
}

/** The process may end between our look and the signal. */
const ignoreGone = (error: unknown): void => {
  if (!isFailure(error, 'notFound') && !isFailure(error, 'wrongState')) throw error
}
