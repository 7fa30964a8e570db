// A container's part of the store: which layers it stands on, and its writable layer.
import { lstatSync, opendirSync, readFileSync, readdirSync, rmSync, type Dir } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../errors.ts'
import { readFileBounded } from '../fs/read-in-root.ts'
import { makeDir } from '../fs/remove-tree.ts'
import { writeFileAtomic } from '../fs/write-atomic.ts'
import { isDigest, type Digest } from '../image/digest.ts'
import type { Paths } from '../paths.ts'
import type { IdMappings } from '../sys/addon.ts'
import { bytePath, systemPath, type BytePath } from './byte-path.ts'
import { hasTree, readLayer } from './layer-record.ts'

export interface ContainerDirs {
  readonly dir: string
  readonly upper: string
  readonly work: string
  readonly merged: string
  /** Where lower layers are mounted with shifted owners, for a moment. */
  readonly lowers: string
  readonly record: string
}

export interface ContainerRecord {
  /** Top last. */
  readonly layers: readonly Digest[]
  readonly volatile: boolean
  /** Boot in which it was made: a volatile layer is lost with it. */
  readonly boot: string
  readonly idmap?: IdMappings
  /** vfs: what the image alone takes. */
  readonly baseBytes?: number
}

const MAX_RECORD_BYTES = 1 << 20

export const containerDirs = (paths: Paths, id: string): ContainerDirs => {
  const { dir } = paths.container(id)
  return { dir, upper: join(dir, 'upper'), work: join(dir, 'work'), merged: join(dir, 'merged'), lowers: join(dir, 'lowers'), record: join(dir, 'rootfs.json') }
}

export const currentBoot = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()

/** Failure notFound. */
export function readRecord(paths: Paths, id: string): ContainerRecord {
  const { record } = containerDirs(paths, id)
  try {
    const value = JSON.parse(readFileBounded(record, MAX_RECORD_BYTES).toString()) as ContainerRecord
    if (Array.isArray(value.layers) && value.layers.every((layer) => typeof layer === 'string' && isDigest(layer))) return value
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') throw new Failure('notFound', `container ${id} has no root file system`, { cause })
    if (!(cause instanceof SyntaxError)) throw cause
  }
  throw new Failure('invalid', `the record ${record} is damaged`, { hint: 'remove the container' })
}

/** On the disk when it returns, as what the state says of the container will be; a volatile root is worth no sync. */
export function writeRecord(paths: Paths, id: string, record: ContainerRecord): void {
  const dirs = containerDirs(paths, id)
  makeDir(dirs.dir, 0o711)
  writeFileAtomic(dirs.record, JSON.stringify(record), { sync: !record.volatile, mode: 0o600 })
}

export const hasRecord = (paths: Paths, id: string): boolean =>
  lstatSync(containerDirs(paths, id).record, { throwIfNoEntry: false }) !== undefined

export function dropRecord(paths: Paths, id: string): void {
  rmSync(containerDirs(paths, id).record, { force: true })
}

export function listContainers(paths: Paths): string[] {
  const base = join(paths.container('x').dir, '..')
  return (readdirOrNone(base)).filter((id) => hasRecord(paths, id))
}

const readdirOrNone = (dir: string): string[] => {
  try {
    return readdirSync(dir)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/** Trees of an image, topmost first. Failure notFound names the layer that lacks. */
export function treesOf(paths: Paths, chainIds: readonly Digest[]): string[] {
  return chainIds.map((chainId) => {
    const layer = readLayer(paths.layers, chainId)
    if (layer === undefined || !hasTree(layer)) throw new Failure('notFound', `layer ${chainId} isn't in the store`, { hint: 'pull the image again' })
    return layer.tree
  }).reverse()
}

/** What is below `dir`: bytes of its regular files and number of files of any kind, each counted once however many names it has. Whoever writes there goes on meanwhile. */
export function treeUse(dir: string): { bytes: number; inodes: number } {
  const seen = new Set<string>()
  const use = { bytes: 0, inodes: 0 }
  const visit = (path: BytePath): void => {
    const handle = openOrNone(path)
    if (handle === undefined) return
    try {
      for (let entry = handle.readSync(); entry !== null; entry = handle.readSync()) {
        const child = `${path}/${entry.name}`
        if (entry.isDirectory()) {
          use.inodes++
          visit(child)
        } else if (!entry.isFile()) use.inodes++
        else count(child)
      }
    } finally {
      handle.closeSync()
    }
  }
  const count = (path: BytePath): void => {
    const stats = lstatSync(systemPath(path), { throwIfNoEntry: false })
    if (stats === undefined) return
    const key = `${stats.dev}:${stats.ino}`
    if (stats.nlink > 1 && seen.has(key)) return
    if (stats.nlink > 1) seen.add(key)
    use.bytes += stats.size
    use.inodes++
  }
  if (lstatSync(dir, { throwIfNoEntry: false })?.isDirectory()) {
    use.inodes++
    visit(bytePath(dir))
  }
  return use
}

/** A directory that was just listed may have gone, or be something else by now. */
function openOrNone(path: BytePath): Dir | undefined {
  try {
    return opendirSync(systemPath(path) as string, { encoding: 'latin1' })
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  }
}
