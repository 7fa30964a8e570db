import { Failure } from '../../../errors.ts'
import { lookUpImage } from '../../../engine/find-image.ts'
import { removeWholeImage } from '../../../engine/remove-image.ts'
import type { RemoveImageRequest, RemoveImageResponse } from '../../wire/generated/runtime-v1.ts'
import type { Rpc } from '../rpc.ts'

export const removeImage: Rpc<RemoveImageRequest, RemoveImageResponse> = async (server, { image: spec }) => {
  if (!spec?.image) throw new Failure('invalid', 'the request names no image')
  const image = await lookUpImage(server.engine, spec.image)
  if (image) await removeWholeImage(server.engine, image.id)
  return {}
}
