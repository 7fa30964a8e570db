import { oneOf, text } from '../../cli/option.ts'
import { isTerminal } from '../../cli/output.ts'
import { writeAll } from '../../write-all.ts'
import type { Connection } from '../../cri/client/connection.ts'
import type { ContainerdStore } from '../../cri/client/containerd-store.ts'
import type { SavedImage } from '../../engine/saved-image.ts'
import { Failure } from '../../errors.ts'
import { defineCri } from './command.ts'
import { openImageStore } from './image-store.ts'

const FORMATS = ['docker-archive', 'oci-archive', 'oci-dir', 'docker-dir'] as const

export const spec = defineCri({
  name: 'save',
  summary: 'Save images of the runtime to an archive',
  description: 'Save images to an archive. The CRI has no call for that: it goes through the store of scow, or through the services of containerd on the same socket.',
  args: [{ name: 'image', arity: 'some' }],
  options: {
    format: oneOf('--format <format>', 'docker-archive (the default), oci-archive, oci-dir or docker-dir', FORMATS),
    output: text('-o, --output <file>', 'File or directory to write; standard output unless given', { complete: 'file' }),
  },
  examples: ['cri save -o busybox.tar docker.io/library/busybox:1', 'cri save --format oci-archive busybox > busybox.tar'],
  async run(call) {
    const { args, options } = call
    if (options.output === undefined && isTerminal(1)) throw new Failure('invalid', 'an archive is not written to a terminal', { hint: 'use --output, or redirect the output' })
    const [{ images, store }, { imagesToSave, saveImages }] = await Promise.all([openImageStore(call), import('../../engine/save-images.ts')])
    try {
      const saved = store.kind === 'scow' ? await imagesToSave(store.engine, args, { several: true }) : await fromContainerd(images, store.store, args)
      await saveImages({ images: saved, format: options.format ?? 'docker-archive', output: options.output, write: (bytes) => writeAll(1, bytes) })
    } finally {
      if (store.kind === 'containerd') store.store.close()
    }
  },
})

/** The CRI knows which image a word means; containerd then knows it by one of its names. */
async function fromContainerd(images: Connection, store: ContainerdStore, words: readonly string[]): Promise<SavedImage[]> {
  const [{ findImage }, { savedFromContainerd }] = await Promise.all([import('../../cri/client/images.ts'), import('../../cri/client/containerd-images.ts')])
  const wanted = new Map<string, { readonly name: string; names: string[] }>()
  for (const word of words) {
    const found = await findImage(images, word)
    if (!found) throw new Failure('notFound', `no such image: ${word}`)
    const { id, repoTags, repoDigests } = found
    const named = id.replace('sha256:', '').startsWith(word.replace('sha256:', '')) ? [] : repoTags.filter((tag) => tag === word || tag === `${word}:latest` || tag.endsWith(`/${word}`) || tag.endsWith(`/${word}:latest`)).slice(0, 1)
    const entry = wanted.get(id) ?? { name: repoTags[0] ?? repoDigests[0] ?? id, names: [] }
    wanted.set(id, { ...entry, names: [...new Set([...entry.names, ...named])] })
  }
  const saved: SavedImage[] = []
  for (const one of wanted.values()) saved.push(await savedFromContainerd(store, one))
  return saved
}
