import type { ContainerRow } from '../state/containers.ts'
import type { Engine } from './engine.ts'
import { trueRow } from './find-container.ts'

/** Every container, oldest first, as it truly is now. One query; nothing is written and no lock is taken. */
export async function listContainers(engine: Pick<Engine, 'paths' | 'self' | 'state'>): Promise<ContainerRow[]> {
  return (await engine.state.containers.list()).map((row) => trueRow(engine, row))
}
