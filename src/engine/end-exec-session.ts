// The end of an exec session that nobody waited for, told by the exit program.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { removeFiles } from '../fs/remove-tree.ts'
import { readExit } from '../monitor/exit.ts'
import type { Engine } from './engine.ts'
import { recordEvent } from './record-event.ts'

export interface EndedSession { readonly containerId: string; readonly sessionId: string }

/** Its name in the queue of cleanups. */
export const sessionEntry = (containerId: string, sessionId: string): string => `${containerId}.exec-${sessionId}`

export function parseSessionEntry(name: string): EndedSession | undefined {
  const [, containerId, sessionId] = /^([0-9a-f]{64})\.exec-([0-9a-f]{64})$/.exec(name) ?? []
  return containerId && sessionId ? { containerId, sessionId } : undefined
}

/** Records the end and removes the session's folder. One whose container has gone, or ended and took it along, has no end of its own. */
export async function endExecSession(engine: Engine, { containerId, sessionId }: EndedSession): Promise<void> {
  const dir = join(engine.paths.container(containerId).exec, sessionId)
  const container = await engine.state.containers.get(containerId)
  if (!container || !existsSync(dir)) return
  const exit = readExit({ exitDir: dir, persistDir: dir, id: containerId })
  removeFiles(dir)
  const attributes = exit?.exitCode === undefined ? {} : { containerExitCode: String(exit.exitCode) }
  await recordEvent(engine, container, { status: 'exec_died', attributes })
}
