import { Failure } from '../errors.ts'
import { isForeign } from '../process/identity.ts'
import type { ProcessStamp } from '../state/container-status.ts'
import type { Container, ContainerRow } from '../state/containers.ts'
import type { Engine } from './engine.ts'
import { findExit } from './find-exit.ts'

/** A container's row as it truly is now, derived without writing: an end that nobody recorded yet shows. */
export function trueRow<Row extends ContainerRow>(engine: Pick<Engine, 'paths' | 'self'>, row: Row): Row {
  if (row.phase !== 'running' && row.phase !== 'paused') return row
  const exit = findExit(engine, row)
  if (!exit) return row
  const { process, monitor, ...status } = row.status
  return { ...row, phase: 'exited', status: { ...status, ...exit } }
}

/** By name, id or its beginning; as it truly is now. @throws notFound, invalid (ambiguous) */
export const findContainer = async (engine: Pick<Engine, 'paths' | 'self' | 'state'>, nameOrId: string): Promise<Container> =>
  trueRow(engine, await engine.state.containers.find(nameOrId))

/** For whoever needs its processes. @throws unavailable when it runs and they belong to another PID namespace: their pids mean others here */
export function needReachable({ name, phase, status }: Pick<ContainerRow, 'name' | 'phase' | 'status'>): void {
  if ((phase !== 'running' && phase !== 'paused') || !isForeign(status.process ?? status.monitor ?? {})) return
  throw new Failure('unavailable', `container ${name} belongs to another PID namespace: run this where it was started`)
}

/** @throws wrongState when it doesn't run, unavailable as `needReachable`; `what` begins the message of the first */
export function runningProcess(engine: Pick<Engine, 'paths' | 'self'>, container: ContainerRow, what: string): ProcessStamp {
  const now = trueRow(engine, container)
  if ((now.phase !== 'running' && now.phase !== 'paused') || !now.status.process) {
    throw new Failure('wrongState', `${what}container ${container.name} is not running (${now.phase})`, container.podId === undefined ? { hint: `start it first: scow start ${container.name}` } : {})
  }
  needReachable(now)
  return now.status.process
}
