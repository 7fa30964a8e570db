// How far a pull is. The CRI does not tell: containerd's own service does, on the same socket; of others it is seen by
// what their images take on the disk.
import { ImageServiceService as Images, RuntimeServiceService as Runtime, VersionRequest } from '../wire/generated/runtime-v1.ts'
import type { Connection } from './connection.ts'
import type { ContainerdStore } from './containerd-store.ts'
import { parseEndpoint } from './endpoint.ts'

/** `of`: the bytes of all parts that have begun; they are known from containerd alone. */
export interface Progress { readonly bytes: number; readonly of?: number | undefined; readonly isUnpacking?: boolean }

export interface PullWatch {
  /** Undefined where the runtime does not let it be seen. */
  look(): Promise<Progress | undefined>
  close(): void
}

/** To be opened before the pull begins: what was there already is not counted. */
export async function watchPull(images: Connection): Promise<PullWatch> {
  const { runtimeName } = await images.call(Runtime.version, VersionRequest.fromPartial({ version: '0.1.0' })).catch(() => ({ runtimeName: '' }))
  return (runtimeName === 'containerd' ? await watchContainerd(images) : undefined) ?? watchFileSystem(images)
}

async function watchContainerd(images: Connection): Promise<PullWatch | undefined> {
  const { openContainerdStore } = await import('./containerd-store.ts')
  const store = openContainerdStore(parseEndpoint(images.address))
  try {
    const left = new Map((await store.ingests()).map(({ ref, offset }) => [ref, offset]))
    return { look: lookerOf(store, left), close: store.close }
  } catch {
    store.close()
    return undefined
  }
}

/** @param left of pulls that ended in the middle: it stands still unless this pull goes on with it */
function lookerOf(store: Pick<ContainerdStore, 'ingests'>, left: ReadonlyMap<string, number>): PullWatch['look'] {
  const parts = new Map<string, { readonly bytes: number; readonly of: number }>()
  return async () => {
    const now = (await store.ingests()).filter(({ ref, offset }) => left.get(ref) !== offset)
    const begun = new Set(now.map(({ ref }) => ref))
    for (const [ref, { of }] of parts) if (!begun.has(ref)) parts.set(ref, { bytes: of, of })
    for (const { ref, offset, total } of now) parts.set(ref, { bytes: offset, of: Math.max(total, offset) })
    const sum = (of: 'bytes' | 'of'): number => [...parts.values()].reduce((all, part) => all + part[of], 0)
    return { bytes: sum('bytes'), of: sum('of'), isUnpacking: parts.size > 0 && now.length === 0 }
  }
}

async function watchFileSystem(images: Connection): Promise<PullWatch> {
  const used = async (): Promise<bigint | undefined> => (await images.call(Images.imageFsInfo, {}).catch(() => undefined))?.imageFilesystems[0]?.usedBytes?.value
  const before = await used()
  return {
    look: async () => {
      const now = await used()
      return before === undefined || now === undefined || now < before ? undefined : { bytes: Number(now - before) }
    },
    close: () => {},
  }
}
