import { tmpdir } from 'node:os'
import { text } from '../../cli/option.ts'
import { isTerminal } from '../../cli/output.ts'
import type { ContainerdStore } from '../../cri/client/containerd-store.ts'
import { Failure } from '../../errors.ts'
import { defineCri } from './command.ts'
import { openImageStore } from './image-store.ts'

export const spec = defineCri({
  name: 'load',
  summary: 'Load images from an archive into the runtime',
  description: 'Load every image of an archive. The CRI has no call for that: it goes through the store of scow, or through the services of containerd on the same socket.',
  options: { input: text('-i, --input <file>', 'Archive or directory; standard input unless given', { complete: 'file' }) },
  examples: ['cri load -i busybox.tar', 'podman save busybox | scow cri load'],
  async run(call) {
    const { options, out, interrupt } = call
    if (options.input === undefined && isTerminal(0)) throw new Failure('invalid', 'an archive cannot be read from a terminal', { hint: 'use --input, or redirect the input' })
    const from = options.input ?? process.stdin
    const { store } = await openImageStore(call)
    const tell = (names: readonly string[], id: string): void => { for (const name of names.length > 0 ? names : [id]) out.line(`Loaded image: ${name}`) }
    if (store.kind === 'scow') {
      const { loadImages } = await import('../../engine/load-images.ts')
      for (const { image, names } of await loadImages(store.engine, { from, signal: interrupt.signal })) tell(names, `sha256:${image.id}`)
      return
    }
    try {
      await intoContainerd(store.store, { from, tell })
    } finally {
      store.store.close()
    }
  },
})

interface Loading { readonly from: string | AsyncIterable<Uint8Array>; readonly tell: (names: readonly string[], id: string) => void }

async function intoContainerd(store: ContainerdStore, { from, tell }: Loading): Promise<void> {
  const [{ openImageArchive }, { loadIntoContainerd }] = await Promise.all([import('../../engine/open-image-archive.ts'), import('../../cri/client/containerd-images.ts')])
  const archive = await openImageArchive({ from, scratchDir: tmpdir() })
  try {
    await store.leased(async () => { for (const image of archive.images) tell(image.names, await loadIntoContainerd(store, image)) })
  } finally {
    archive.close()
  }
}
