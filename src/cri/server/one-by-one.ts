import { BinaryWriter } from '@bufbuild/protobuf/wire'
import { setImmediate as breathe } from 'node:timers/promises'
import type { DeepPartial, MessageFns } from '../wire/generated/runtime-v1.ts'

/** As `map`, with room for other requests between the items: each reads some files of the kernel's. */
export async function oneByOne<T, R>(items: readonly T[], act: (item: T) => R | Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (const item of items) {
    results.push(await act(item))
    await breathe()
  }
  return results
}

/** Of field 1, a message: where the answers that list something have it. */
const ITEM_TAG = 10

/** The answer with these items, each put into words before the next is looked at: all at once would hold the others for as long as the list is. */
export async function listedOneByOne<T, M>(items: readonly T[], act: (item: T) => Promise<DeepPartial<M> | undefined>, message: Pick<MessageFns<M>, 'fromPartial' | 'encode'>): Promise<Uint8Array> {
  const writer = new BinaryWriter()
  await oneByOne(items, async (item) => {
    const partial = await act(item)
    if (partial) writer.uint32(ITEM_TAG).bytes(message.encode(message.fromPartial(partial as never)).finish())
  })
  return writer.finish()
}
