import type { ImageRecord } from '../../engine/pod-images.ts'
import type { Server } from './server.ts'

/** Never to be collected by the kubelet. */
export const isPinned = ({ settings }: Pick<Server, 'settings'>, { names, digests }: Pick<ImageRecord, 'names' | 'digests'>): boolean =>
  settings.pinnedImages.some((pinned) => names.includes(pinned) || digests.includes(pinned))
