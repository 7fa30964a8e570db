import type { ImageRecord } from '../state/images.ts'
import type { ContainerRow } from '../state/containers.ts'
import type { VolumeRecord } from '../state/volumes.ts'
import { removeImages } from './collect-garbage.ts'
import type { Engine } from './engine.ts'
import { allNames } from './find-image.ts'
import { listContainers } from './list-containers.ts'
import { recoverAll } from './recover.ts'
import { removalWaves } from './removal-waves.ts'
import { removeContainer } from './remove-container.ts'
import { removeVolumes } from './remove-volumes.ts'

/** Removes the containers that don't run and that `chosen` takes; one that a container needs stays. @returns the removed ids with what their writable layers held */
export async function pruneContainers(engine: Engine, chosen: (row: ContainerRow) => boolean): Promise<{ id: string; sizeBytes: number }[]> {
  await recoverAll(engine)
  const removed: { id: string; sizeBytes: number }[] = []
  const rows = (await listContainers(engine)).filter((row) => ['created', 'exited'].includes(row.phase) && chosen(row))
  for (const { id } of (await removalWaves(engine, rows)).flat()) {
    if ((await engine.state.containers.needing(id)).length > 0) continue
    const { bytes: sizeBytes } = await (await engine.storage()).containers.usage(id)
    await removeContainer(engine, id, { volumes: true })
    removed.push({ id, sizeBytes })
  }
  await engine.state.checkpoint()
  return removed
}

/** Removes images that no container uses: without a name, or with `all` any. @returns the removed ones */
export async function pruneImages(engine: Engine, { all, chosen }: { all: boolean; chosen: (image: ImageRecord) => boolean }): Promise<ImageRecord[]> {
  await recoverAll(engine)
  const removed: ImageRecord[] = []
  for (const image of await engine.state.images.list()) {
    const { containers, busy } = await engine.state.images.users(image.id)
    if (containers.length || busy || (!all && allNames(image).length > 0) || !chosen(image)) continue
    removed.push(image)
  }
  await removeImages(engine, removed.map(({ id }) => id))
  await engine.state.checkpoint()
  return removed
}

/** Removes volumes that no container uses. @returns their names */
export async function pruneVolumes(engine: Engine, chosen: (volume: VolumeRecord) => boolean): Promise<string[]> {
  await recoverAll(engine)
  const used = new Set(await engine.state.volumes.used())
  const names = (await engine.state.volumes.list()).filter((volume) => !used.has(volume.name) && chosen(volume)).map(({ name }) => name)
  await removeVolumes(engine, names)
  return names
}
