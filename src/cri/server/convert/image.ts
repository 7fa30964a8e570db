import type { ImageRecord } from '../../../engine/pod-images.ts'
import type { DeepPartial, Image } from '../../wire/generated/runtime-v1.ts'
import { imageIdOf } from './container-status.ts'

export function imageOf({ id, names, digests, sizeBytes, config }: ImageRecord, pinned: boolean): DeepPartial<Image> {
  const user = ((config as { config?: { User?: string } } | undefined)?.config?.User ?? '').split(':')[0]!
  const numeric = /^\d+$/.test(user)
  return {
    id: imageIdOf(id), repoTags: [...names], repoDigests: [...digests], size: BigInt(Math.max(sizeBytes, 1)), pinned,
    ...(numeric ? { uid: { value: BigInt(user) } } : { username: user }),
    spec: { image: imageIdOf(id) },
  }
}
