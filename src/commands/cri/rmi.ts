import { flag } from '../../cli/option.ts'
import type { Connection } from '../../cri/client/connection.ts'
import { Failure } from '../../errors.ts'
import { forEach } from '../each.ts'
import { codeOf, defineCri, nothingNamed, openCri, openImages, type Cri } from './command.ts'

export const spec = defineCri({
  name: 'rmi',
  summary: 'Remove images',
  description: 'Remove images. The CRI knows no tags of their own: an image goes with all its names.',
  args: [{ name: 'image', arity: 'many' }],
  options: {
    all: flag('-a, --all', 'All images'),
    prune: flag('-q, --prune', 'All images that no container uses and that the runtime does not keep'),
  },
  examples: ['cri rmi busybox:latest', 'cri rmi --prune'],
  async run(call) {
    const { args, options, out } = call
    if (args.length === 0 && !options.all && !options.prune) return nothingNamed(call, 'image')
    const images = await openImages(call)
    const names = new Set(args)
    if (options.all || options.prune) for (const id of await candidates(images, options.prune ? await openCri(call) : undefined)) names.add(id)
    if (names.size === 0) return out.note('No images to remove'), 0
    const errors = await forEach({ items: [...names], out, parallel: names.size, act: (name) => remove(images, name, { quietly: options.prune && !args.includes(name), note: out.note }) })
    return codeOf(errors)
  },
})

/** All, or what nothing in the runtime uses. */
async function candidates(images: Connection, unusedIn: Cri | undefined): Promise<string[]> {
  const [{ findImage, findImages }, { RuntimeServiceService: Runtime, ListContainersRequest }] = await Promise.all([import('../../cri/client/images.ts'), import('../../cri/wire/generated/runtime-v1.ts')])
  const all = await findImages(images, '', [])
  if (!unusedIn) return all.map(({ id }) => id)
  const { containers } = await unusedIn.runtime.call(Runtime.listContainers, ListContainersRequest.fromPartial({}))
  const references = [...new Set(containers.flatMap(({ image, imageId }) => [image?.image ?? '', imageId].filter(Boolean)))]
  const used = new Set(await Promise.all(references.map(async (reference) => (await findImage(images, reference))?.id)))
  return all.filter(({ id, pinned }) => !pinned && !used.has(id)).map(({ id }) => id)
}

interface Manner { readonly quietly: boolean; readonly note: (text: string) => void }

async function remove(images: Connection, name: string, { quietly, note }: Manner): Promise<string | void> {
  const [{ findImage }, { ImageServiceService, RemoveImageRequest }] = await Promise.all([import('../../cri/client/images.ts'), import('../../cri/wire/generated/runtime-v1.ts')])
  const image = await findImage(images, name)
  if (!image && quietly) return undefined
  if (!image) throw new Failure('notFound', `no such image: ${name}`)
  const isTag = !name.startsWith('sha256:') && /[:/]/.test(name)
  if (isTag && image.repoTags.length > 1) note(`${name} goes with all its names: ${image.repoTags.join(', ')}`)
  try {
    await images.call(ImageServiceService.removeImage, RemoveImageRequest.fromPartial({ image: { image: name } }))
  } catch (error) {
    // others may remove and use images meanwhile
    if (!quietly) throw error
    return undefined
  }
  return (image.repoTags.length ? image.repoTags : image.repoDigests).map((one) => `Deleted: ${one}`).join('\n')
}
