// A container as a listing has it.
import type { Engine } from '../../engine/engine.ts'

type EngineRow = Awaited<ReturnType<Engine['state']['containers']['list']>>[number]

export interface Row extends EngineRow {
  /** Another name that it answers to. */
  readonly alias?: string
}
export type Container = Awaited<ReturnType<Engine['state']['containers']['find']>>
export type Status = Row['status']

/** What it publishes, or will when it starts. */
export const portsOf = ({ status, summary }: Pick<Row, 'status' | 'summary'>): NonNullable<Status['ports']> => status.ports ?? summary.ports ?? []

export const namesOf = ({ name, alias }: Row): string[] => (alias === undefined ? [name] : [name, alias])
