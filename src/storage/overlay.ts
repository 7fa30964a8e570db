import { join } from 'node:path'
import { Failure, isNoSpace } from '../errors.ts'
import { unmountTree } from '../fs/mounts.ts'
import { fileLabel, setFileLabel } from '../fs/file-label.ts'
import { makeDir, removeFiles, removeTree } from '../fs/remove-tree.ts'
import type { Digest } from '../image/digest.ts'
import type { Paths } from '../paths.ts'
import { mountOverlay, type IdMappings, type OverlayMount } from '../sys/addon.ts'
import { readAttributes, setAttributes } from './attributes.ts'
import { containerDirs, currentBoot, dropRecord, hasRecord, listContainers, readRecord, treeUse, treesOf, writeRecord, type ContainerDirs, type ContainerRecord } from './container-dirs.ts'
import type { Driver } from './driver.ts'
import { ensurePrivateRoot } from './private-root.ts'
import type { ContainerLayers, MountOptions } from './storage.ts'
import type { WhiteoutStyle } from './whiteouts.ts'

/** How long an unmount waits for the last users before it detaches. */
const PATIENCE_MS = 200
/**
 * Two containers may share layers, and trees may be read apart from the mount: no index, no metadata-only copies. Without
 * an index a root can be mounted although another mount namespace still has its last mount: that of a runtime that is
 * about to pivot, or of a container with the host's / in it, which look at it only from outside.
 */
const OPTIONS = ['index=off', 'metacopy=off', 'redirect_dir=off']

export function makeOverlay(paths: Paths, style: WhiteoutStyle, mountOptions: readonly string[] = []): Driver {
  const common = [...OPTIONS, ...(style === 'user.overlay.' ? ['userxattr'] : []), ...mountOptions]
  const dirsOf = (id: string) => containerDirs(paths, id)
  const containers: ContainerLayers = {
    async create(id, chainIds, { volatile = false, idmap } = {}) {
      if (hasRecord(paths, id)) throw new Failure('exists', `container ${id} has a root file system already`)
      const trees = treesOf(paths, chainIds)
      const dirs = dirsOf(id)
      makeDir(dirs.dir, 0o711)
      for (const dir of [dirs.upper, dirs.work, dirs.merged]) makeDir(dir)
      // The merged root shows the upper directory's own attributes.
      if (trees[0] !== undefined) setAttributes(dirs.upper, readAttributes(trees[0]), 'directory')
      if (idmap) (await import('./idmap.ts')).shiftOwner(dirs.upper, idmap)
      writeRecord(paths, id, { layers: chainIds, volatile, boot: currentBoot(), ...(idmap ? { idmap } : {}) })
    },
    async mount(id, options = {}) {
      const record = readRecord(paths, id)
      const dirs = dirsOf(id)
      const mounts = await ensurePrivateRoot(paths)
      if (!mounts.some(({ target }) => target === dirs.merged)) await mountContainer(paths, { id, record, dirs, options, common })
      return dirs.merged
    },
    rootPath: (id) => dirsOf(id).merged,
    async unmount(id) {
      const { merged, lowers } = dirsOf(id)
      await unmountTree([merged, lowers], PATIENCE_MS)
    },
    async remove(id) {
      const dirs = dirsOf(id)
      await containers.unmount(id)
      // Nothing is mounted there any more, so nobody needs to look again.
      for (const dir of [dirs.merged, dirs.work, dirs.upper, dirs.lowers]) removeFiles(dir)
      dropRecord(paths, id)
    },
    usage: async (id) => treeUse(dirsOf(id).upper),
    upperDir: (id) => dirsOf(id).upper,
    layersOf: async (id) => [...readRecord(paths, id).layers],
    list: async () => listContainers(paths),
    async mountImage(chainIds, target, { idmap, label } = {}) {
      await ensurePrivateRoot(paths)
      await withLowers(lowersOf(paths, chainIds, 2), { dir: `${target}.lowers`, idmap }, (lowers) => mountOrExplain({ lowers, target, options: ['ro', ...common] }, label))
    },
    unmountImage: (target) => unmountTree(target, PATIENCE_MS),
  }
  return { name: 'overlay', style, containers }
}

interface ContainerMount {
  readonly id: string
  readonly record: ContainerRecord
  readonly dirs: ContainerDirs
  readonly options: MountOptions
  /** Of every mount of this store. */
  readonly common: readonly string[]
}

async function mountContainer(paths: Paths, { id, record, dirs, options, common }: ContainerMount): Promise<void> {
  const inner = join(dirs.work, 'work')
  if (options.label !== undefined && fileLabel(dirs.upper) !== options.label) await setFileLabel(dirs.upper, options.label)
  if (record.volatile) clearVolatileMark(id, record, inner)
  const chosen = [...common, ...(record.volatile ? ['volatile'] : []), ...(options.readOnly ? ['ro'] : [])]
  await withLowers(lowersOf(paths, record.layers, 1), { dir: dirs.lowers, idmap: record.idmap }, (lowers) =>
    mountOrExplain({ lowers, upper: dirs.upper, work: dirs.work, target: dirs.merged, options: chosen }, options.label))
}

/** The overlay holds its layers itself: shifted mounts of them are needed while it is mounted only. */
async function withLowers(trees: readonly string[], { dir, idmap }: { dir: string; idmap: IdMappings | undefined }, mountThem: (lowers: readonly string[]) => void): Promise<void> {
  if (!idmap) return mountThem(trees)
  try {
    const { shiftTrees } = await import('./idmap.ts')
    mountThem(await shiftTrees(trees, { dir, idmap }))
  } finally {
    await unmountTree(dir)
    removeTree(dir)
  }
}

/** The kernel refuses to mount a volatile upper again, since it may have lost writes: it hasn't while the machine ran on. */
function clearVolatileMark(id: string, record: ContainerRecord, inner: string): void {
  if (record.boot !== currentBoot()) {
    throw new Failure('wrongState', `the file system of container ${id} was volatile and the machine has restarted since`, { hint: `remove it: scow rm ${id.slice(0, 12)}` })
  }
  removeTree(join(inner, 'incompat'))
}

function lowersOf(paths: Paths, chainIds: readonly Digest[], least: number): string[] {
  const trees = treesOf(paths, chainIds)
  if (trees.length >= least) return trees
  const empty = join(paths.layers, 'empty')
  makeDir(empty)
  return [...trees, empty]
}

function mountOrExplain(request: OverlayMount, label?: string): void {
  try {
    if (label === undefined) mountOverlay(request)
    else mountLabelled(request, label)
  } catch (error) {
    const { code, detail } = error as NodeJS.ErrnoException & { detail?: string }
    const reason = detail === undefined ? code : `${code}: ${detail}`
    if (isNoSpace(code)) throw new Failure('noSpace', `no room to mount the overlay at ${request.target} (${reason})`, { cause: error, hint: 'free some space or inodes, for example with scow image prune' })
    if (code === 'ENOENT') throw new Failure('invalid', `the overlay at ${request.target} cannot be mounted: a directory of it or of its layers is gone`, { cause: error, hint: 'what the store lost cannot be had again: remove the container, and create it anew' })
    throw new Failure('unsupported', `the kernel refuses to mount the overlay at ${request.target} (${reason})`,
      { cause: error, hint: 'does the root lie on ext4, xfs (ftype=1), btrfs or tmpfs, and not on an overlay? Otherwise use the driver vfs' })
  }
}

/** A label has commas: one value for fsconfig, but in a page of options it must be quoted. */
function mountLabelled(request: OverlayMount, label: string): void {
  const options = request.options ?? []
  try {
    mountOverlay({ ...request, options: [...options, `context=${label}`] })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error
    mountOverlay({ ...request, options: [...options, `context="${label}"`], byOptions: true })
  }
}
