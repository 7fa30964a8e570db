// Images of a CRI runtime, as the listings take them, and what can be done with them.
import { Failure, isFailure } from '../../errors.ts'
import type { Image as Listed } from '../../cri/wire/generated/runtime-v1.ts'
import type { ImageActs, PullCall } from '../image/acts.ts'
import type { Image } from '../image/images-view.ts'
import type { ImageSource } from '../image/source.ts'
import { pullOverCri } from '../pull-over-cri.ts'
import { parsePullPolicy, type PullPolicy } from '../container/request/settings.ts'
import type { Remote } from './client.ts'
import { hex, listRows } from './rows.ts'

interface ImageTold { readonly imageSpec?: { readonly created?: unknown; readonly rootfs?: { readonly diff_ids?: readonly string[] } } }

function toImage({ id, repoTags, repoDigests, size }: Listed, info: Readonly<Record<string, string>>): Image {
  const { imageSpec = {} } = readTold(info)
  const names = repoTags.filter((tag) => !tag.startsWith('<none>'))
  return {
    id: hex(id), digest: repoDigests[0]?.split('@')[1] ?? '', names, digestNames: [], digests: repoDigests, chainIds: [], diffIds: imageSpec.rootfs?.diff_ids ?? [], config: imageSpec,
    manifestMediaType: '', sizeBytes: Number(size), ...(typeof imageSpec.created === 'string' ? { createdAt: imageSpec.created } : {}), pulledAt: '', layers: [],
  }
}

function readTold(info: Readonly<Record<string, string>>): ImageTold {
  try {
    const told: unknown = JSON.parse(info['info'] ?? '{}')
    return typeof told === 'object' && told !== null ? told : {}
  } catch {
    return {}
  }
}

async function look({ runtime, wire }: Remote, image: string): Promise<{ image: Image; pinned: boolean } | undefined> {
  const answer = await runtime.call(wire.ImageServiceService.imageStatus, wire.ImageStatusRequest.fromPartial({ image: { image }, verbose: true }))
  return answer.image && { image: toImage(answer.image, answer.info), pinned: answer.image.pinned }
}

/** The runtime's own way to find one, then ours: the beginning of an id, or a name that one ends in. @throws Failure invalid (ambiguous) */
async function lookUp(remote: Remote, text: string): Promise<Image | undefined> {
  try {
    const found = await look(remote, text)
    if (found) return found.image
  } catch (error) {
    // a name that no image can have is none
    if (!isFailure(error, 'notFound') && !isFailure(error, 'invalid') && !isFailure(error, 'cannotInvoke')) throw error
  }
  const { images } = await remote.runtime.call(remote.wire.ImageServiceService.listImages, remote.wire.ListImagesRequest.fromPartial({}))
  const byId = /^(sha256:)?[\da-f]{3,64}$/.test(text) ? images.filter(({ id }) => hex(id).startsWith(hex(text))) : []
  if (byId.length > 1) throw new Failure('invalid', `more than one image has an id that starts with ${hex(text)}`, { hint: 'give more digits' })
  const tagged = /:[^/]+$/.test(text) ? text : `${text}:latest`
  const found = byId[0] ?? images.find(({ repoTags }) => repoTags.some((tag) => tag.endsWith(`/${tagged}`)))
  return found && (await look(remote, found.id))?.image
}

const listed = async (remote: Remote): Promise<{ image: Image; pinned: boolean }[]> => {
  const { images } = await remote.runtime.call(remote.wire.ImageServiceService.listImages, remote.wire.ListImagesRequest.fromPartial({}))
  return (await Promise.all(images.map(({ id }) => look(remote, id)))).flatMap((found) => (found ? [found] : []))
}

export const remoteImages = (remote: Remote): ImageSource => ({
  list: async () => (await listed(remote)).map(({ image }) => image),
  async find(text) {
    const found = await lookUp(remote, text)
    if (!found) throw new Failure('notFound', `${text}: image not known`, { hint: `pull it first: scow pull ${text}` })
    return found
  },
  async uses() {
    const uses = new Map<string, number>()
    for (const { imageId } of await listRows(remote)) if (imageId !== undefined) uses.set(imageId, (uses.get(imageId) ?? 0) + 1)
    return uses
  },
})

export interface Provide { readonly policy: PullPolicy; readonly creds: string | undefined; readonly quiet: boolean; readonly out: PullCall['out'] }

/** By policy, as everywhere; `newer` is `always`: the runtime takes only what it has not. @throws Failure notFound */
export async function provideImage(remote: Remote, reference: string, { policy, creds, quiet, out }: Provide): Promise<Image> {
  const source = remoteImages(remote)
  const here = policy === 'missing' || policy === 'never' ? await lookUp(remote, reference) : undefined
  if (here) return here
  if (policy === 'never') throw new Failure('notFound', `${reference}: image not known`, { hint: 'it is not pulled because of --pull never' })
  const [{ authConfig }, { withPassword }] = await Promise.all([import('../../cri/client/pull.ts'), import('../ask-password.ts')])
  const auth = authConfig({ creds: await withPassword(creds) })
  if (!quiet) out.note(`Trying to pull ${reference}...`)
  const ref = await pullOverCri(remote.runtime, { image: reference, auth }, { isQuiet: quiet })
  return source.find(ref)
}

type Acts = Pick<ImageActs, 'images' | 'pull' | 'removeImage' | 'pruneImages'>

export const remoteImageActs = (remote: Remote): Acts => ({
  images: remoteImages(remote),
  pull: async (reference, { options, out }) => [(await provideImage(remote, reference, { policy: parsePullPolicy(options.policy, 'always', '--policy'), creds: options.creds, quiet: options.quiet, out })).id],
  removeImage: (text, how) => removeImage(remote, text, how),
  async pruneImages({ all, chosen }) {
    const uses = await remoteImages(remote).uses()
    const wanted = (await listed(remote)).filter(({ image, pinned }) => !pinned && !uses.has(image.id) && (all || image.names.length === 0) && chosen(image))
    for (const { image } of wanted) await remove(remote, image.id)
    return wanted.map(({ image }) => image.id)
  },
})

/** By the id as the runtime writes it, with `sha256:` or without. */
async function remove({ runtime, wire }: Remote, id: string): Promise<void> {
  const { images } = await runtime.call(wire.ImageServiceService.listImages, wire.ListImagesRequest.fromPartial({}))
  const image = images.find((one) => hex(one.id) === id)
  if (image) await runtime.call(wire.ImageServiceService.removeImage, wire.RemoveImageRequest.fromPartial({ image: { image: image.id } }))
}

async function removeImage(remote: Remote, text: string, { force, all }: { force: boolean; all: boolean }): ReturnType<ImageActs['removeImage']> {
  const image = await remoteImages(remote).find(text)
  const users = (await listRows(remote)).filter(({ imageId }) => imageId === image.id)
  if (users.length > 0 && !force) throw new Failure('inUse', `image ${image.id.slice(0, 12)} is used by container ${users[0]!.id.slice(0, 12)}`, { hint: 'remove the container first, or use --force' })
  const isByName = !image.id.startsWith(hex(text))
  if (isByName && image.names.length > 1 && !force && !all) {
    throw new Failure('unsupported', `${text} is one of the names of an image that the CRI can only remove with all of them: ${image.names.join(', ')}`, { hint: 'remove it with --force' })
  }
  if (users.length > 0) {
    const { removeContainer } = await import('./containers.ts')
    for (const { id } of users) await removeContainer(remote, id, { force: true })
  }
  await remove(remote, image.id)
  return { untagged: image.names, removed: image.id }
}
