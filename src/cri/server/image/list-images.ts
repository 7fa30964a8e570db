import { lookUpImage } from '../../../engine/find-image.ts'
import type { DeepPartial, Image, ImageFilter, ListImagesRequest, ListImagesResponse, StreamImagesRequest, StreamImagesResponse } from '../../wire/generated/runtime-v1.ts'
import { batches } from '../batches.ts'
import { imageOf } from '../convert/image.ts'
import { isPinned } from '../pinned.ts'
import type { Rpc, StreamRpc } from '../rpc.ts'
import type { Server } from '../server.ts'

export const listImages: Rpc<ListImagesRequest, ListImagesResponse> = async (server, { filter }) => ({ images: await matching(server, filter) })

export const streamImages: StreamRpc<StreamImagesRequest, StreamImagesResponse> = async function* (server, { filter }) {
  for (const images of batches(await matching(server, filter))) yield { images }
}

async function matching(server: Server, filter: ImageFilter | undefined): Promise<DeepPartial<Image>[]> {
  const name = filter?.image?.image
  const images = name ? [await lookUpImage(server.engine, name)].filter((image) => image !== undefined) : await server.engine.state.images.list()
  return images.map((image) => imageOf(image, isPinned(server, image)))
}
