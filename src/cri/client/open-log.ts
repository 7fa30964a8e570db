import { accessSync, constants } from 'node:fs'
import { Failure } from '../../errors.ts'
import { ContainerState, ContainerStatusRequest, RuntimeServiceService as Runtime, type ContainerStatus } from '../wire/generated/runtime-v1.ts'
import type { Connection } from './connection.ts'
import { readLog, type LogLine } from './log-lines.ts'

export interface Opening {
  /** Instead of the container's present log: that of an earlier attempt, which is not followed. */
  readonly path?: string | undefined
  readonly tail?: number | undefined
  readonly sinceMs?: number | undefined
  readonly follow: boolean
  readonly signal: AbortSignal
  /** Told where only what comes from now on can be shown. */
  readonly note: (text: string) => void
}

/** From the container's file; where that is not at hand and the log is followed, by attaching. @throws Failure notFound, denied, wrongState */
export async function openLog(runtime: Connection, { id, logPath, state }: ContainerStatus, { path, follow, note, ...range }: Opening): Promise<AsyncGenerator<LogLine>> {
  const isRunning = follow && path === undefined
    ? async () => (await runtime.call(Runtime.containerStatus, ContainerStatusRequest.fromPartial({ containerId: id }))).status?.state === ContainerState.CONTAINER_RUNNING
    : undefined
  const reason = unreadable(path ?? logPath)
  if (reason !== undefined && path === undefined && state === ContainerState.CONTAINER_CREATED) throw new Failure('wrongState', `container ${id} has no log yet: it was not started`, { hint: 'start it first' })
  if (reason !== undefined && isRunning && await isRunning()) {
    const { attachedLines } = await import('./attached-lines.ts')
    note(`The log ${logPath} ${reason}: only what container ${id.slice(0, 13)} writes from now on is shown`)
    return attachedLines({ runtime, id, signal: range.signal })
  }
  return readLog(path ?? logPath, { ...range, isRunning })
}

function unreadable(path: string): string | undefined {
  try {
    accessSync(path, constants.R_OK)
    return undefined
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'is not on this machine' : 'cannot be read here'
  }
}
