// What can be done with images. Each command has the engine's way of it, commands/remote that over the CRI.
import type { Invocation } from '../../cli/command.ts'
import type { Engine } from '../../engine/engine.ts'
import type { pullOptions } from './pull-options.ts'
import type { Image } from './images-view.ts'
import type { ImageSource } from './source.ts'

export interface ImageActs {
  readonly images: ImageSource
  /** Pulls one of the call's images. @returns the ids */
  pull(reference: string, call: PullCall): Promise<readonly string[]>
  /** @throws Failure notFound, inUse */
  removeImage(text: string, how: { readonly force: boolean; readonly all: boolean }): Promise<{ readonly untagged: readonly string[]; readonly removed?: string | undefined }>
  /** Removes those that no container uses and that `chosen` takes: without a name, or with `all` any. @returns their ids */
  pruneImages(how: { readonly all: boolean; readonly chosen: (image: Image) => boolean }): Promise<readonly string[]>
}

export type PullCall = Pick<Invocation<typeof pullOptions, Engine>, 'options' | 'given' | 'out' | 'interrupt'>
