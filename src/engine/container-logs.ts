import { readLogs, type LogLine, type ReadLogsOptions } from '../monitor/logs.ts'
import type { Container } from '../state/containers.ts'
import type { Engine } from './engine.ts'
import { trueRow } from './find-container.ts'

/** The lines a container wrote, oldest first. `follow` goes on until it ends or is removed. @throws unsupported for drivers that keep nothing */
export function containerLogs(engine: Pick<Engine, 'paths' | 'self' | 'state'>, { id, record }: Container, options: Omit<ReadLogsOptions, 'alive'>): AsyncIterableIterator<LogLine> {
  const alive = async (): Promise<boolean> => {
    const now = await engine.state.containers.get(id)
    return now !== undefined && ['running', 'paused'].includes(trueRow(engine, now).phase)
  }
  return readLogs({ driver: record.request.log.driver, path: record.logPath, id }, { ...options, alive })
}

export type { LogLine }
