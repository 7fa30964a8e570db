// Owners of files as a user namespace has them: mounts that shift ids, which file systems may or may not allow.
import { chownSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../errors.ts'
import { unmountTree } from '../fs/mounts.ts'
import { makeDir, removeTree } from '../fs/remove-tree.ts'
import { mountIdmapped, mountOverlay, type IdMapping, type IdMappings } from '../sys/addon.ts'

/** Gives one directory or file the owner that shifting would show. */
export function shiftOwner(path: string, { uids, gids }: IdMappings): void {
  const { uid, gid } = statSync(path)
  chownSync(path, shifted(uid, uids), shifted(gid, gids))
}

/** An id that isn't mapped stays. */
const shifted = (id: number, ranges: readonly IdMapping[]): number => {
  const range = ranges.find(({ containerId, size }) => id >= containerId && id < containerId + size)
  return range ? range.hostId + id - range.containerId : id
}

/** The trees mounted with shifted owners below `dir`, in their order. Whoever mounts an overlay of them may unmount them then. */
export async function shiftTrees(trees: readonly string[], { dir, idmap }: { dir: string; idmap: IdMappings }): Promise<string[]> {
  const targets: string[] = []
  for (const [index, tree] of trees.entries()) {
    const target = join(dir, String(index))
    makeDir(target)
    await shiftTree(tree, target, idmap)
    targets.push(target)
  }
  return targets
}

/** @throws unsupported */
export async function shiftTree(tree: string, target: string, idmap: IdMappings): Promise<void> {
  try {
    await mountIdmapped(tree, target, idmap)
  } catch (error) {
    throw cannotShift(tree, error as NodeJS.ErrnoException)
  }
}

const cannotShift = (tree: string, { code, syscall }: NodeJS.ErrnoException): Failure =>
  new Failure('unsupported', `owners in ${tree} cannot be shifted for a user namespace (${syscall}: ${code})`, { hint: 'it takes Linux 5.19 and a root on ext4, xfs, btrfs or tmpfs (6.3)' })

const ONE: readonly IdMapping[] = [{ containerId: 0, hostId: 100_000, size: 1 }]

/** One line saying why not, or undefined. Mounts and unmounts once. */
export async function idmapProblem(dir: string, { overlay }: { overlay: boolean }): Promise<string | undefined> {
  const [tree, upper, work, merged, lowers] = ['tree', 'upper', 'work', 'merged', 'lowers'].map((name) => join(dir, name)) as [string, string, string, string, string]
  try {
    for (const path of [tree, upper, work, merged, lowers]) mkdirSync(path)
    writeFileSync(join(tree, 'file'), '')
    const shiftedTrees = await shiftTrees([tree], { dir: lowers, idmap: { uids: ONE, gids: ONE } })
    if (overlay) mountOverlay({ lowers: shiftedTrees, upper, work, target: merged })
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  } finally {
    await unmountTree(dir)
    removeTree(dir)
  }
}
