// Root file systems as plain copies, for where overlay can't be: slow and large, but nothing can refuse it.
import { existsSync, renameSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { Failure } from '../errors.ts'
import { unmountTree } from '../fs/mounts.ts'
import { makeDir, removeTree } from '../fs/remove-tree.ts'
import type { Paths } from '../paths.ts'
import { mount, setMountAttr } from '../sys/addon.ts'
import { MOUNT_ATTR_RDONLY, MS_BIND } from '../sys/mount-flags.ts'
import { containerDirs, currentBoot, dropRecord, hasRecord, listContainers, readRecord, treeUse, treesOf, writeRecord } from './container-dirs.ts'
import type { Driver } from './driver.ts'
import { mergeTree } from './merge-tree.ts'
import { ensurePrivateRoot } from './private-root.ts'
import type { Staging } from './staging.ts'
import type { ContainerLayers } from './storage.ts'
import type { WhiteoutStyle } from './whiteouts.ts'

export function makeVfs({ paths, staging, style }: { paths: Paths, staging: Staging, style: WhiteoutStyle }): Driver {
  const rootOf = (id: string) => containerDirs(paths, id).merged
  /** A mounted image's copy, found again from the place it is mounted at. */
  const copyFor = (target: string) => join(paths.root, 'vfs', createHash('sha256').update(target).digest('hex'))
  const fillFrom = (trees: readonly string[], target: string): number => {
    const copy = staging.make()
    const bytes = mergeTree(trees, copy, style)
    removeTree(target)
    renameSync(copy, target)
    return bytes
  }
  const containers: ContainerLayers = {
    async create(id, chainIds, { volatile = false, idmap } = {}) {
      if (hasRecord(paths, id)) throw new Failure('exists', `container ${id} has a root file system already`)
      const trees = treesOf(paths, chainIds)
      makeDir(containerDirs(paths, id).dir, 0o711)
      const baseBytes = fillFrom(trees, rootOf(id))
      writeRecord(paths, id, { layers: chainIds, volatile, boot: currentBoot(), baseBytes, ...(idmap ? { idmap } : {}) })
    },
    async mount(id) {
      const { idmap } = readRecord(paths, id)
      if (!existsSync(rootOf(id))) throw new Failure('notFound', `the root file system of container ${id} is gone`, { hint: 'remove the container' })
      // The files stay as the image has them: owners are shifted by a mount of the root on itself.
      if (idmap && !(await ensurePrivateRoot(paths)).some(({ target }) => target === rootOf(id))) await (await import('./idmap.ts')).shiftTree(rootOf(id), rootOf(id), idmap)
      return rootOf(id)
    },
    rootPath: rootOf,
    unmount: (id) => unmountTree(rootOf(id)),
    async remove(id) {
      await unmountTree(rootOf(id))
      removeTree(rootOf(id))
      dropRecord(paths, id)
    },
    async usage(id) {
      const { bytes, inodes } = treeUse(rootOf(id))
      return { bytes: Math.max(0, bytes - (readRecord(paths, id).baseBytes ?? 0)), inodes }
    },
    upperDir: rootOf,
    layersOf: async (id) => [...readRecord(paths, id).layers],
    list: async () => listContainers(paths),
    async mountImage(chainIds, target, { idmap } = {}) {
      await ensurePrivateRoot(paths)
      const copy = copyFor(target)
      makeDir(join(copy, '..'), 0o711)
      fillFrom(treesOf(paths, chainIds), copy)
      if (idmap) await (await import('./idmap.ts')).shiftTree(copy, target, idmap)
      else mount(copy, target, null, MS_BIND)
      setMountAttr(target, { set: MOUNT_ATTR_RDONLY })
    },
    async unmountImage(target) {
      await unmountTree(target)
      removeTree(copyFor(target))
    },
  }
  return { name: 'vfs', style, containers }
}
