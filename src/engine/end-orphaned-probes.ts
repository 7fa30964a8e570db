// Probes outlive a server that is killed, and nobody waits for them any more.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { removeFiles } from '../fs/remove-tree.ts'
import { identify, isAlive, killProcess, readStat, type ProcessIdentity } from '../process/identity.ts'
import type { Engine } from './engine.ts'
import { probeFiles, sessionsIn, type ProbeFiles } from './exec-sessions.ts'

/** Ends those whose server is gone, and removes their files. */
export async function endOrphanedProbes({ paths, state }: Pick<Engine, 'paths' | 'state'>): Promise<void> {
  for (const { id, phase } of await state.containers.list()) {
    if (phase !== 'running') continue
    const { exec } = paths.container(id)
    for (const files of sessionsIn(exec).map((name) => probeFiles(join(exec, name)))) if (isOrphaned(files)) end(files)
  }
}

function end({ dir, pidFile }: ProbeFiles): void {
  const pid = Number(textOf(pidFile) ?? 0)
  const found = pid > 1 ? identify(pid) : undefined
  // The runtime, which has started it, waits for it: another process that got its pid has another parent.
  if (found && startedBy(found)?.includes(pidFile)) killProcess(found, 'SIGKILL')
  removeFiles(dir)
}

const startedBy = ({ pid }: ProcessIdentity): readonly string[] | undefined => textOf(`/proc/${readStat(pid)?.parent ?? 0}/cmdline`)?.split('\0')

/** Without a whole file of its owner, as sessions with a monitor of their own have it: no. */
const isOrphaned = ({ ownerFile }: ProbeFiles): boolean => {
  try {
    return !isAlive(JSON.parse(readFileSync(ownerFile, 'utf8')) as ProcessIdentity)
  } catch {
    return false
  }
}

const textOf = (file: string): string | undefined => {
  try { return readFileSync(file, 'utf8') } catch { return undefined }
}
