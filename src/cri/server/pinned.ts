import { isNamed, type ImageRecord } from '../../engine/pod-images.ts'
import type { Server } from './server.ts'

/** @throws invalid for a text that can name no image */
export const checkPinned = (pinnedImages: readonly string[]): void => { for (const pinned of pinnedImages) isNamed({ names: [], digests: [] }, pinned) }

/** Never to be collected by the kubelet. */
export const isPinned = ({ settings }: Pick<Server, 'settings'>, image: Pick<ImageRecord, 'names' | 'digests'>): boolean =>
  settings.pinnedImages.some((pinned) => isNamed(image, pinned))
