// Where a command's containers come from: this machine's engine, or a CRI runtime (commands/remote).
import type { Engine } from '../../engine/engine.ts'
import { listContainers } from '../../engine/list-containers.ts'
import type { Row } from './row.ts'

export interface ContainerSource {
  /** Oldest first. What only the status of each tells (its start and end, its command) may be missing until `complete`. */
  list(): Promise<Row[]>
  complete(rows: readonly Row[]): Promise<readonly Row[]>
  /** By name, id or the beginning of one. @throws Failure notFound, invalid (ambiguous) */
  find(nameOrId: string): Promise<Row>
  /** Ids of an image and of those made on it; none where there is no such image. */
  imagesOn(image: string): Promise<ReadonlySet<string>>
  /** Bytes of the writable layer, and with the image's. */
  size(row: Row): Promise<{ readonly writable: number; readonly rootfs: number }>
  /** Before a command that changes something looks: makes what is left of killed commands true. */
  settle?(): Promise<void>
  /** Every container there is as good as another: none is hidden because it belongs to a pod. */
  readonly ownsAll: boolean
}

export const engineContainers = (engine: Engine): ContainerSource => ({
  list: () => listContainers(engine),
  complete: async (rows) => rows,
  find: (nameOrId) => engine.state.containers.find(nameOrId),
  imagesOn: (image) => imagesOn(engine, image),
  size: async (row) => (await import('./ps-extras.ts')).containerSize(engine, row),
  ownsAll: false,
})

async function imagesOn(engine: Engine, text: string): Promise<ReadonlySet<string>> {
  const { lookUpImage } = await import('../../engine/find-image.ts')
  const image = await lookUpImage(engine, text)
  const top = image?.chainIds.at(-1)
  const images = await engine.state.images.list()
  return new Set(image ? images.filter(({ id, chainIds }) => id === image.id || (top !== undefined && chainIds.includes(top))).map(({ id }) => id) : [])
}
