// The folders of exec sessions: there is no other record of them. Probes have theirs beside them, without a monitor.
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { removeFiles } from '../fs/remove-tree.ts'
import { identify } from '../process/identity.ts'
import type { Engine } from './engine.ts'

/** A start that takes longer, or a caller that takes longer to hear of the end, has written files or sockets meanwhile. */
const NEW_MS = 60_000

export interface ProbeFiles { readonly dir: string; readonly processFile: string; readonly pidFile: string; readonly ownerFile: string }

/** Of one probe of a container. */
export const probeFiles = (dir: string): ProbeFiles => ({ dir, processFile: join(dir, 'process.json'), pidFile: join(dir, 'pidfile'), ownerFile: join(dir, 'owner') })

/** Ids of the sessions that run, for `inspect`. */
export const execSessions = ({ paths }: Pick<Engine, 'paths'>, id: string): string[] => {
  const { exec } = paths.container(id)
  return sessionsIn(exec).filter((name) => monitorOf(join(exec, name)) === 'there')
}

/**
 * Removes what killed callers left below `execDir`. A session that another caller starts just now, or whose end it
 * has yet to hear of, has no living monitor either: so nothing that was touched in the last minute is taken.
 */
export function reapSessions(execDir: string): void {
  for (const name of sessionsIn(execDir)) {
    const dir = join(execDir, name)
    if (!isNew(dir) && monitorOf(dir) === 'gone' && !isProbe(dir)) removeFiles(dir)
  }
}

/** Ended and removed by whoever waits for it, or by the next server: it may take long. */
const isProbe = (dir: string): boolean => existsSync(probeFiles(dir).ownerFile)

export const sessionsIn = (execDir: string): string[] => {
  try { return readdirSync(execDir, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name) } catch { return [] }
}

const isNew = (dir: string): boolean => (statSync(dir, { throwIfNoEntry: false })?.mtimeMs ?? 0) > Date.now() - NEW_MS

/** Its pid is in a file that may be there and empty for a moment. */
const monitorOf = (dir: string): 'there' | 'gone' => {
  try {
    const pid = Number(readFileSync(join(dir, 'conmon.pid'), 'utf8'))
    return pid > 0 && identify(pid) ? 'there' : 'gone'
  } catch {
    return 'gone'
  }
}
