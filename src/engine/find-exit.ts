import { uptime } from 'node:os'
import { readExit } from '../monitor/exit.ts'
import { isAlive } from '../process/identity.ts'
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
  // Most run: of these nothing else is looked at.
  if (process && isAlive(process)) return undefined
  const dirs = { exitDir: paths.exits, persistDir: paths.container(id).persist, id }
  let written = readExit(dirs)
  if (!written) {
    // The monitor writes the exit file a moment after the process is gone.
    if (monitor && isAlive(monitor)) return undefined
    written = readExit(dirs) // both may have gone since: a monitor that is gone has written all it ever will
  }
  if (written) return { exitCode: written.exitCode ?? UNKNOWN_EXIT, finishedAtMs: Number(written.finishedAtNs / 1_000_000n), oomKilled: written.oomKilled }
  const rebooted = (process ?? monitor)?.bootId !== self.bootId
  return {
    exitCode: UNKNOWN_EXIT, oomKilled: false, finishedAtMs: Math.round(rebooted ? Date.now() - uptime() * 1000 : Date.now()),
    error: rebooted ? 'the machine was restarted while it ran' : 'its monitor was killed: the exit code is not known',
  }
}
