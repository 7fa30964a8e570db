// Where a command's images come from: this machine's engine, or a CRI runtime (commands/remote).
import type { Engine } from '../../engine/engine.ts'
import { findImage } from '../../engine/find-image.ts'
import type { Image } from './images-view.ts'

export interface ImageSource {
  list(): Promise<Image[]>
  /** By name, id or the beginning of one. @throws Failure notFound, invalid (ambiguous) */
  find(text: string): Promise<Image>
  /** How many containers use each, by its id. */
  uses(): Promise<ReadonlyMap<string, number>>
}

export const engineImages = (engine: Engine): ImageSource => ({
  list: () => engine.state.images.list(),
  find: (text) => findImage(engine, text),
  uses: async () => {
    const uses = new Map<string, number>()
    for (const { imageId } of await engine.state.containers.list()) if (imageId !== undefined) uses.set(imageId, (uses.get(imageId) ?? 0) + 1)
    return uses
  },
})
