import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '../errors.ts'
import { makeChosenDir } from '../fs/remove-tree.ts'
import { reopenLogs } from '../monitor/control.ts'
import type { Engine } from './engine.ts'
import { findContainer, runningProcess } from './find-container.ts'

const PATIENCE_MS = 5000
const POLL_MS = 5

/** Has the monitor open the log file anew after somebody renamed it; the new file is there at the return. @throws wrongState when it doesn't run */
export async function reopenPodContainerLog(engine: Engine, id: string): Promise<void> {
  const container = await findContainer(engine, id)
  runningProcess(engine, container, 'cannot reopen the log: ')
  const { logPath: path, request } = container.record
  // Who has taken the whole folder away gets it back.
  if (request.log.driver !== 'none') makeChosenDir(dirname(path))
  await reopenLogs(engine.paths.container(id).bundle)
  for (let waited = 0; request.log.driver !== 'none' && !existsSync(path); waited += POLL_MS) {
    if (waited > PATIENCE_MS) throw new Failure('timeout', `the monitor of container ${id.slice(0, 12)} did not open ${path}`)
    await sleep(POLL_MS)
  }
}
