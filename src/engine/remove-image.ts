import { Failure } from '../errors.ts'
import type { ImageRecord } from '../state/images.ts'
import { removeImages } from './collect-garbage.ts'
import type { Engine } from './engine.ts'
import { allNames, lookUpImage, nameMeant } from './find-image.ts'
import { recoverDead } from './recover.ts'

export interface RemoveImageOptions {
  /** Containers that use it are removed first, but for those of the kubelet, and it goes whatever names it has. */
  readonly force?: boolean
}
export interface RemovedImage {
  /** Names that were taken off. */
  readonly untagged: readonly string[]
  /** Id of the image that is gone; absent when only a name went. */
  readonly removed?: string
}

/**
 * As podman's rmi: a name of several is taken off; the last name, or an id, removes the image and what only it needs.
 * @throws notFound; inUse by a container; invalid for an id with several names
 */
export async function removeImage(engine: Engine, text: string, { force = false }: RemoveImageOptions): Promise<RemovedImage> {
  await recoverDead(engine)
  const image = await known(engine, text)
  const name = nameMeant(text, image)
  const names = allNames(image)
  if (name !== undefined && names.length > 1) {
    await engine.state.images.untag({ id: image.id, names: [name] })
    return { untagged: [name] }
  }
  await freeFromContainers(engine, image, { force })
  if (names.length > 1 && !force) {
    throw new Failure('invalid', `image ${image.id.slice(0, 12)} has several names: ${names.join(', ')}`, { hint: 'remove them one by one, or all with --force' })
  }
  await removeImages(engine, [image.id])
  return { untagged: names, removed: image.id }
}

/** Who takes away has no use for the advice to pull it. */
async function known(engine: Pick<Engine, 'state'>, text: string): Promise<ImageRecord> {
  const image = await lookUpImage(engine, text)
  if (!image) throw new Failure('notFound', `${text}: image not known`)
  return image
}

async function freeFromContainers(engine: Engine, image: ImageRecord, { force }: { force: boolean }): Promise<void> {
  const users = async () => (await engine.state.images.users(image.id)).containers
  let containers = await users()
  if (containers.length > 0) {
    const { finishEnded } = await import('./finish-ended.ts')
    if (await finishEnded(engine, containers)) containers = await users()
  }
  if (containers.length === 0) return
  if (!force) {
    throw new Failure('inUse', `image ${image.names[0] ?? image.id.slice(0, 12)} is used by container ${containers.map((id) => id.slice(0, 12)).join(', ')}: image is in use by a container`,
      { hint: 'remove the container first, or both with --force' })
  }
  for (const id of containers) {
    const container = await engine.state.containers.get(id)
    if (container?.podId !== undefined) throw new Failure('inUse', `image ${image.names[0] ?? image.id.slice(0, 12)} is used by container ${container.name}, which belongs to the kubelet`, { hint: 'remove its pod there' })
  }
  const { removeContainer } = await import('./remove-container.ts')
  for (const id of containers) await removeContainer(engine, id, { force: true, volumes: true })
}

/** Names taken off; an image that loses its last one stays, without a name. */
export async function untagImage(engine: Pick<Engine, 'state'>, text: string, names: readonly string[]): Promise<void> {
  const image = await known(engine, text)
  await engine.state.images.untag({ id: image.id, names: names.length ? names : allNames(image) })
}

/** With all its names; fine when it is gone. @throws inUse by a container */
export async function removeWholeImage(engine: Engine, id: string): Promise<void> {
  await recoverDead(engine)
  await removeImages(engine, [id])
}
