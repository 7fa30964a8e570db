import { imageUse } from '../../../engine/pod-images.ts'
import type { ImageFsInfoRequest, ImageFsInfoResponse } from '../../wire/generated/runtime-v1.ts'
import { nanoseconds } from '../convert/times.ts'
import type { Rpc } from '../rpc.ts'

export const imageFsInfo: Rpc<ImageFsInfoRequest, ImageFsInfoResponse> = async ({ engine }) => {
  const { mountpoint, usedBytes, inodes } = await imageUse(engine)
  const usage = { timestamp: nanoseconds(Date.now()), fsId: { mountpoint }, usedBytes: { value: BigInt(usedBytes) }, inodesUsed: { value: BigInt(inodes) } }
  return { imageFilesystems: [usage], containerFilesystems: [usage] }
}
