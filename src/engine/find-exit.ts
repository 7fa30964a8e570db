import { uptime } from 'node:os'
import { readExit } from '../monitor/exit.ts'
import { hasMonitor } from '../monitor/has-monitor.ts'
import { isAlive, isForeign } from '../process/identity.ts'
import type { ContainerRow, Exit } from '../state/containers.ts'
import type { Engine } from './engine.ts'

/** The exit code of a container whose end nobody saw. */
export const UNKNOWN_EXIT = -1

/**
 * How a container that is recorded as running ended, or undefined while its process is there. Reads the exit file that the
 * monitor left; without one the monitor was killed, or the machine went down.
 */
export function findExit({ paths, self }: Pick<Engine, 'paths' | 'self'>, { id, status }: Pick<ContainerRow, 'id' | 'status'>): Exit | undefined {
  const { process, monitor } = status
  const foreign = isForeign(process ?? monitor ?? {})
  // Most run: of these nothing else is looked at.
  if (process && !foreign && isAlive(process)) return undefined
  const { persist, bundle } = paths.container(id)
  const dirs = { exitDir: paths.exits, persistDir: persist, id }
  let written = readExit(dirs)
  if (!written) {
    // The monitor writes the exit file a moment after the process is gone.
    // In another PID namespace it is all that can be seen from here, and ends with the namespace as the container does.
    if (foreign ? hasMonitor(bundle) : monitor && isAlive(monitor)) return undefined
    written = readExit(dirs) // both may have gone since: a monitor that is gone has written all it ever will
  }
  if (written) return { exitCode: written.exitCode ?? UNKNOWN_EXIT, finishedAtMs: Number(written.finishedAtNs / 1_000_000n), oomKilled: written.oomKilled }
  const rebooted = (process ?? monitor)?.bootId !== self.bootId
  return {
    exitCode: UNKNOWN_EXIT, oomKilled: false, finishedAtMs: Math.round(rebooted ? Date.now() - uptime() * 1000 : Date.now()),
    error: rebooted ? 'the machine was restarted while it ran' : 'its monitor was killed: the exit code is not known',
  }
}
