import { open } from 'node:fs/promises'
import { Failure, reasonOf } from '../errors.ts'

const MAX_BYTES = 4 * 1024 * 1024

/** A configuration file, `what` in messages. Failure invalid when it is missing, unreadable, or larger than 4 MiB. */
export function readSmallFile(path: string, what?: string): Promise<Buffer>
/** undefined instead, where there is no such file. */
export function readSmallFile(path: string, what: string | undefined, options: { readonly optional: boolean }): Promise<Buffer | undefined>
export async function readSmallFile(path: string, what = path, { optional = false } = {}): Promise<Buffer | undefined> {
  let file
  try {
    file = await open(path)
    // Read by its bytes, not by its size: it may be a pipe or a device.
    const chunks: Buffer[] = []
    let room = MAX_BYTES
    for await (const chunk of file.createReadStream({ autoClose: false }) as AsyncIterable<Buffer>) {
      chunks.push(chunk)
      room -= chunk.length
      if (room < 0) throw new Failure('invalid', `${what} is larger than ${MAX_BYTES} bytes`)
    }
    return Buffer.concat(chunks)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (optional && (code === 'ENOENT' || code === 'ENOTDIR')) return undefined
    if (error instanceof Failure) throw error
    throw new Failure('invalid', `${what} cannot be read: ${reasonOf(error)}`, { cause: error })
  } finally {
    await file?.close()
  }
}
