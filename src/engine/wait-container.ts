import { waitExit } from '../monitor/exit.ts'
import { isFailure } from '../errors.ts'
import type { Container, ContainerRow, Exit } from '../state/containers.ts'
import type { Engine } from './engine.ts'
import { findExit, UNKNOWN_EXIT } from './find-exit.ts'
import { trueRow } from './find-container.ts'

/** Waits until this start of the container has ended. @returns how, or undefined after `timeoutMs` or when `signal` fires */
export async function waitForExit(engine: Pick<Engine, 'paths' | 'self'>, container: Pick<ContainerRow, 'id' | 'status'>, { timeoutMs, signal }: { timeoutMs?: number; signal?: AbortSignal } = {}): Promise<Exit | undefined> {
  const deadline = timeoutMs === undefined ? Infinity : Date.now() + timeoutMs
  for (;;) {
    const exit = findExit(engine, container)
    if (exit) return exit
    const leftMs = deadline - Date.now()
    if (leftMs <= 0 || signal?.aborted) return undefined
    await waitExit({ exitDir: engine.paths.exits, persistDir: engine.paths.container(container.id).persist, id: container.id },
      { signal: AbortSignal.any([AbortSignal.timeout(Math.min(leftMs, 2 ** 30)), ...(signal ? [signal] : [])]), ...(container.status.monitor ? { monitor: container.status.monitor } : {}) }).catch(ignoreAbort)
  }
}

const ignoreAbort = (error: unknown): undefined => {
  if (!isFailure(error, 'cancelled') && !isFailure(error, 'timeout') && !['AbortError', 'TimeoutError'].includes((error as Error).name)) throw error
  return undefined
}

const POLL_MS = 250

/**
 * Waits for a container to be in one of `conditions` (podman's words; `stopped` and `exited` are one).
 * @returns its exit code, -1 when it is none
 */
export async function waitContainer(engine: Pick<Engine, 'paths' | 'self' | 'state'>, id: string, { conditions, intervalMs = POLL_MS, signal }: { conditions?: readonly string[]; intervalMs?: number; signal?: AbortSignal } = {}): Promise<number> {
  for (;;) {
    const stored = await engine.state.containers.get(id)
    // Removed meanwhile (--rm): its end was recorded before that.
    if (!stored) return await engine.state.events.lastExitCode(id) ?? UNKNOWN_EXIT
    const last: Container = trueRow(engine, stored)
    if ((conditions ?? ['exited']).some((condition) => matches(last.phase, condition))) return last.status.exitCode ?? UNKNOWN_EXIT
    if (last.phase === 'created' && !conditions) return 0 // never ran: nothing ends
    if (signal?.aborted) return UNKNOWN_EXIT
    if (last.phase === 'running' && !conditions?.includes('paused')) await waitForExit(engine, last, { timeoutMs: intervalMs, ...(signal ? { signal } : {}) })
    else await new Promise((resolve) => setTimeout(resolve, intervalMs))
  }
}

const matches = (phase: string, condition: string): boolean =>
  condition === phase || (phase === 'exited' && condition === 'stopped') || (phase === 'created' && condition === 'configured')
