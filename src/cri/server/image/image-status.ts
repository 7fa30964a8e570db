import { Failure } from '../../../errors.ts'
import { lookUpImage } from '../../../engine/find-image.ts'
import type { ImageStatusRequest, ImageStatusResponse } from '../../wire/generated/runtime-v1.ts'
import { imageOf } from '../convert/image.ts'
import { isPinned } from '../pinned.ts'
import type { Rpc } from '../rpc.ts'

/** An empty answer for an image that isn't here. */
export const imageStatus: Rpc<ImageStatusRequest, ImageStatusResponse> = async (server, { image: spec, verbose }) => {
  if (!spec?.image) throw new Failure('invalid', 'the request names no image')
  const image = await lookUpImage(server.engine, spec.image)
  if (!image) return {}
  return { image: imageOf(image, isPinned(server, image)), info: verbose ? { info: JSON.stringify({ chainID: image.chainIds.at(-1), imageSpec: image.config }) } : {} }
}
