// Puts the parts of a store together.
import { existsSync, readdirSync, realpathSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { isFailure } from '../errors.ts'
import { fileLabel, setFileLabel, setOwnLabel } from '../fs/file-label.ts'
import { unmountTree } from '../fs/mounts.ts'
import { makeDir, removeTree } from '../fs/remove-tree.ts'
import { makeSpreadDir } from '../fs/spread-dir.ts'
import { removeAbandoned } from '../fs/write-atomic.ts'
import { parseDigest } from '../image/digest.ts'
import { makePaths, type Paths } from '../paths.ts'
import { demoteOldVerified, makeBlobFiles, PARTIAL, type BlobFiles } from './blob-files.ts'
import { makeBlobs } from './blobs.ts'
import { makeLayers } from './layers.ts'
import { marksOf } from './marks.ts'
import { overlayProblem } from './overlay-support.ts'
import { ensurePrivateRoot } from './private-root.ts'
import { makeOverlay } from './overlay.ts'
import { makeStaging } from './staging.ts'
import type { Store } from './store.ts'
import type { Unpackers } from './unpackers.ts'
import type { Storage, StorageSetup } from './storage.ts'

const STALL_MS = 10_000

export async function makeStorage({ paths: asked, driver: name = 'overlay', options = {}, label }: StorageSetup): Promise<Storage> {
  makeDir(asked.root, 0o711)
  // The kernel lists mounts by their real paths, and they are looked for by name.
  const paths = makePaths({ root: realpathSync(asked.root), runRoot: asked.runRoot })
  makeDir(paths.layers, 0o711)
  makeSpreadDir(paths.containers, 0o700)
  const staging = makeStaging(paths.staging)
  if (label !== undefined) await labelTrees(paths, label)
  const style = marksOf(paths.layers, { driver: name, staging })
  const driver = name === 'vfs' ? (await import('./vfs.ts')).makeVfs({ paths, staging, style }) : makeOverlay(paths, style, options.mountOptions)
  let unpackers: Promise<Unpackers> | undefined
  const store: Store = {
    paths, options,
    style, staging,
    files: makeBlobFiles(paths.blobs),
    unpackers: () => (unpackers ??= import('./unpackers.ts').then(({ makeUnpackers }) => makeUnpackers({ inline: options.inline ?? true }))),
    stallMs: options.stallMs ?? STALL_MS,
    sync: options.sync ?? true,
  }
  const { containers } = driver
  const usedBy = async (chainId: string) => {
    for (const id of await containers.list()) {
      // One whose record is damaged stands on nothing that could be mounted again.
      const layers = await containers.layersOf(id).catch((error: unknown) => { if (!isFailure(error, 'invalid')) throw error })
      if (layers?.some((layer) => layer === chainId)) return id
    }
    return undefined
  }
  return {
    driver: name,
    blobs: makeBlobs(store),
    layers: makeLayers(store, usedBy),
    containers,
    trees: { unmount: (path) => unmountTree(path), remove: async (path) => removeTree(path) },
    async recover() {
      demoteOldVerified(store.files)
      dropNeedlessPartials(store.files)
      for (const dir of [join(paths.blobs, 'sha256'), paths.layers]) removeAbandoned(dir)
      store.staging.recover()
    },
    overlayProblem: () => overlayProblem(paths, staging),
    idmapProblem: async () => {
      await ensurePrivateRoot(paths)
      return (await import('./idmap.ts')).idmapProblem(staging.make(), { overlay: name === 'overlay' })
    },
    async close() {
      await (await unpackers)?.close()
      store.staging.close()
    },
  }
}

/** What is made in a folder has its label. Containers have mounts in theirs, and upper directories get one when they are mounted. */
async function labelTrees({ containers, layers, staging }: Paths, label: string): Promise<void> {
  setOwnLabel(containers, label)
  for (const dir of [layers, staging]) {
    if (fileLabel(dir) === label) continue
    for (const name of readdirSync(dir)) await setFileLabel(join(dir, name), label)
    // Last, since it says that it is done.
    setOwnLabel(dir, label)
  }
}

/** Partials of blobs that are there: a stalled process left them, or one that lost a race. */
function dropNeedlessPartials(files: BlobFiles): void {
  for (const name of readdirSync(files.partials)) {
    const [, algorithm, hex] = PARTIAL.exec(name) ?? []
    if (hex === undefined) continue
    const present = files.present(parseDigest(`${algorithm}:${hex}`))
    if (present !== undefined && existsSync(present)) rmSync(join(files.partials, name), { force: true })
  }
}
