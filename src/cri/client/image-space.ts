import { ImageServiceService as Images } from '../wire/generated/runtime-v1.ts'
import type { Connection } from './connection.ts'

/** Bytes that the runtime's images take; undefined where it does not say. */
export async function fileSystemUse(images: Connection): Promise<bigint | undefined> {
  try {
    return (await images.call(Images.imageFsInfo, {})).imageFilesystems[0]?.usedBytes?.value
  } catch {
    return undefined
  }
}
