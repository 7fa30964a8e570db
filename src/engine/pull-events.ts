import type { Digest } from '../image/digest.ts'

export type LayerState = 'waiting' | 'downloading' | 'unpacking' | 'done' | 'exists'

/** What a pull tells while it works. */
export type PullEvent =
  /** A place is about to be asked. */
  | { readonly kind: 'source'; readonly reference: string }
  /** The image is found; its layers, bottom first. */
  | { readonly kind: 'resolved'; readonly digest: Digest; readonly layers: readonly { readonly digest: Digest; readonly size: number }[] }
  | { readonly kind: 'layer'; readonly digest: Digest; readonly doneBytes: number; readonly totalBytes: number; readonly state: LayerState }
  /** The image is here; its id. */
  | { readonly kind: 'image'; readonly id: string }

/** What is told line by line where nothing can be redrawn; undefined for events in between. */
export function pullLine(event: PullEvent): string | undefined {
  switch (event.kind) {
    case 'source': return `Trying to pull ${event.reference}...`
    case 'resolved': return undefined
    case 'layer':
      return event.state === 'done' ? `Layer ${event.digest} done` : event.state === 'exists' ? `Layer ${event.digest} is here already` : undefined
    case 'image': return undefined
  }
}
