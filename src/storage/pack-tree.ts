// A file or a directory of somebody else's tree as a tar stream. Every step goes through a descriptor and follows no
// link below the first name, so that whoever writes there meanwhile can lead us nowhere.
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, readdirSync, readlinkSync, statfsSync, type BigIntStats } from 'node:fs'
import { Failure } from '../errors.ts'
import { openInRoot } from '../sys/addon.ts'
import { isOverlayXattr, readXattrs } from './attributes.ts'
import { bytePath, joinPath, shownPath, systemPath, type BytePath } from './byte-path.ts'
import { memberHeader, padding, type Member } from './tar-writer.ts'
import type { EntryType } from './tar-entry.ts'

export interface PackTree {
  /** Links are resolved as if this were /. */
  readonly root: string
  readonly path: string
  /** Name of the member, and of the directory before all below it; '' for the contents of a directory alone. */
  readonly as: string
  /** From the ids on disk to those in the archive. */
  readonly ids?: { readonly uid: (id: number) => number; readonly gid: (id: number) => number }
}

const O_PATH = 0o10000000
const READ = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW
const CHUNK = 1 << 20
const MAX_DEPTH = 1000
const NO_XATTRS: ReadonlyMap<string, Buffer> = new Map()
/** Kernel interfaces that show as files: proc, sysfs, cgroup, cgroup2, devpts, mqueue, securityfs, debugfs, tracefs, bpf. */
const NO_FILES: ReadonlySet<number> = new Set([0x9fa0, 0x62656572, 0x27e0eb, 0x63677270, 0x1cd1, 0x19800202, 0x73636673, 0x64626720, 0x74726163, 0xcafe4a11])

/** Chunks of the archive without its end mark. Sockets and mounted kernel file systems are left out. @throws notFound; unsupported for a file of such a system */
export async function* packTree({ root, path, as, ids }: PackTree): AsyncGenerator<Buffer> {
  const top = openTop(root, path)
  try {
    const stats = fstatSync(top, { bigint: true })
    // Their size says nothing of what can be read from them.
    if (stats.isFile() && NO_FILES.has(statfsSync(`/proc/self/fd/${top}`).type)) throw new Failure('unsupported', `${path} is no file that could be copied: the kernel makes it as it is read`, { hint: 'read it with exec and cat' })
    const packing: Packing = { ids: ids ?? { uid: (id) => id, gid: (id) => id }, links: new Map(), device: stats.dev, depth: 0 }
    yield* pack({ at: `/proc/self/fd/${top}`, name: bytePath(as), stats, isTop: true }, packing)
  } finally {
    closeSync(top)
  }
}

function openTop(root: string, path: string): number {
  try {
    return openInRoot(root, path, O_PATH)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') throw new Failure('notFound', `there is no ${path}`, { cause: error })
    if (code === 'ELOOP') throw new Failure('invalid', `${path}: too many symbolic links`, { cause: error })
    if (code === 'EACCES' || code === 'EPERM') throw new Failure('denied', `no permission to read ${path}`, { cause: error })
    throw error
  }
}

interface Packing {
  readonly ids: NonNullable<PackTree['ids']>
  /** First name of each file that has several, by device and inode. */
  readonly links: Map<string, BytePath>
  readonly device: bigint
  readonly depth: number
}

/** `at` leads through a descriptor of ours to the thing itself; of the top by its own descriptor. */
interface Found { readonly at: string | Buffer; readonly name: BytePath; readonly stats: BigIntStats; readonly isTop?: boolean }

async function* pack(found: Found, packing: Packing): AsyncGenerator<Buffer> {
  const type = typeOf(found.stats)
  if (type === undefined) return
  if (type === 'directory') return yield* packDirectory(found, packing)
  const key = `${found.stats.dev}:${found.stats.ino}`
  const first = found.stats.nlink > 1n ? packing.links.get(key) : undefined
  if (first !== undefined) return yield memberHeader({ ...memberOf(found, packing, 'link'), linkName: first, size: 0 })
  if (found.stats.nlink > 1n) packing.links.set(key, found.name)
  if (type === 'file') return yield* packFile(found, packing)
  const linkName = type === 'symlink' ? readlinkSync(found.at, { encoding: 'buffer' }).toString('latin1') : ''
  yield memberHeader({ ...memberOf(found, packing, type), linkName, size: 0 })
}

async function* packFile(found: Found, packing: Packing): AsyncGenerator<Buffer> {
  const fd = openSync(found.at, found.isTop ? READ & ~constants.O_NOFOLLOW : READ)
  try {
    const stats = fstatSync(fd, { bigint: true })
    if (!stats.isFile()) return
    const size = Number(stats.size)
    yield memberHeader({ ...memberOf({ ...found, stats }, packing, 'file'), size, xattrs: xattrsOf(found) })
    for (let left = size; left > 0;) {
      const chunk = Buffer.allocUnsafe(Math.min(CHUNK, left))
      const count = readSync(fd, chunk, 0, chunk.length, null)
      // the header has promised so many
      if (count === 0) chunk.fill(0)
      const bytes = count === 0 ? chunk : chunk.subarray(0, count)
      left -= bytes.length
      yield bytes
    }
    yield padding(size)
  } finally {
    closeSync(fd)
  }
}

async function* packDirectory(found: Found, packing: Packing): AsyncGenerator<Buffer> {
  if (packing.depth > MAX_DEPTH) throw new Failure('invalid', `${shownPath(found.name)}: more than ${MAX_DEPTH} directories deep`)
  const fd = openSync(found.at, (found.isTop ? READ & ~constants.O_NOFOLLOW : READ) | constants.O_DIRECTORY)
  try {
    const stats = fstatSync(fd, { bigint: true })
    const here = `/proc/self/fd/${fd}`
    if (found.name !== '') yield memberHeader({ ...memberOf({ ...found, stats }, packing, 'directory'), size: 0, xattrs: xattrsOf(found) })
    if (stats.dev !== packing.device && NO_FILES.has(statfsSync(here).type)) return
    const inside = { ...packing, device: stats.dev, depth: packing.depth + 1 }
    for (const bytes of readdirSync(here, { encoding: 'buffer' }).sort(Buffer.compare)) {
      const last = bytes.toString('latin1')
      const at = systemPath(`${here}/${last}`)
      const below = lstatSync(at, { bigint: true, throwIfNoEntry: false })
      if (below) yield* pack({ at, name: joinPath(found.name, last), stats: below }, inside)
    }
  } finally {
    closeSync(fd)
  }
}

/** A file's own descriptor has a link in /proc, whose attributes would be those of the link: of the top they are left out. */
const xattrsOf = ({ at, isTop }: Found): ReadonlyMap<string, Buffer> =>
  (isTop ? NO_XATTRS : new Map([...readXattrs(at)].filter(([name]) => !isOverlayXattr(name))))

function memberOf({ name, stats }: Found, { ids }: Packing, type: EntryType): Member {
  const rdev = Number(stats.rdev)
  return {
    type, name, linkName: '', size: 0, mode: Number(stats.mode) & 0o7777, uid: ids.uid(Number(stats.uid)), gid: ids.gid(Number(stats.gid)), mtimeNs: stats.mtimeNs,
    devMajor: (rdev >> 8) & 0xfff, devMinor: (rdev & 0xff) | ((rdev >> 12) & 0xfff00), xattrs: NO_XATTRS,
  }
}

function typeOf(stats: BigIntStats): EntryType | undefined {
  if (stats.isFile()) return 'file'
  if (stats.isDirectory()) return 'directory'
  if (stats.isSymbolicLink()) return 'symlink'
  if (stats.isFIFO()) return 'fifo'
  if (stats.isCharacterDevice()) return 'character'
  return stats.isBlockDevice() ? 'block' : undefined
}
