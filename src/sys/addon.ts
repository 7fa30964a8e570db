// System calls that Node lacks: the one typed face of the native addon. Each throws an Error as fs does, with
// `code` ('ENOENT'), negative `errno`, `syscall`, and where there is one `path`. None changes the calling thread.
import { Failure } from '../errors.ts'
import { builtFile, distDir } from '../paths.ts'
import * as flag from './mount-flags.ts'

/** Names inside an image need not be UTF-8: bytes are taken wherever a path is. */
export type PathLike = string | Uint8Array

export interface IdMapping { readonly containerId: number; readonly hostId: number; readonly size: number }

export interface OverlayMount {
  /** Topmost first; at least one. */
  readonly lowers: readonly string[]
  /** With `work`; without them the mount is read-only. */
  readonly upper?: string
  readonly work?: string
  readonly target: string
  /** Of overlayfs (`volatile`, `index=off`, `userxattr`, `context="..."`) or ro, nosuid, nodev, noexec, noatime. */
  readonly options?: readonly string[]
  /** Mount by one page of options even where the kernel has `lowerdir+`. */
  readonly byOptions?: boolean
}

export type LockKind = 'shared' | 'exclusive' | 'unlock'

interface Native {
  mount(source: PathLike | null, target: PathLike, type: string | null, flags: number, data: string | null): void
  umount(target: PathLike, flags: number): void
  umountAsync(target: PathLike, flags: number): Promise<number>
  mountOverlay(lowers: readonly string[], upper: string | null, work: string | null, target: string,
    options: readonly string[], attributes: number, byOptions: boolean): void
  setMountAttr(path: PathLike, set: number, clear: number, propagation: number, recursive: boolean): void
  mountIdmapped(source: PathLike, target: PathLike, uids: string, gids: string, recursive: boolean): Promise<number>
  mknod(path: PathLike, mode: number, major: number, minor: number): void
  spreadBelow(path: PathLike): void
  lsetxattr(path: PathLike, name: string, value: Uint8Array): void
  lgetxattr(path: PathLike, name: string): Buffer | undefined
  llistxattr(path: PathLike): Buffer
  lremovexattr(path: PathLike, name: string): void
  utimens(path: PathLike, atimeNs: bigint, mtimeNs: bigint): void
  openInRoot(root: PathLike, path: PathLike, flags: number, mode: number): number
  flock(fd: number, kind: number, wait: boolean): boolean
  flockAsync(fd: number, kind: number): Promise<boolean>
  syncfs(fd: number): void
  syncfsAsync(fd: number): Promise<number>
  rename(from: PathLike, to: PathLike, flags: number): void
  createNetns(path: PathLike, source: PathLike | null): Promise<number>
  pidfdOpen(pid: number): number
  pidfdSignal(fd: number, signal: number): void
  setSubreaper(on: boolean): void
  runsX32(): boolean
  exit(code: number): boolean
  trimMemory(): Promise<boolean>
  keepMovesReady(ms: number): void
  windowSize(fd: number): number
  setWindowSize(fd: number, rows: number, columns: number): void
  makeRaw(fd: number): Buffer
  restoreTerminal(fd: number, saved: Uint8Array): void
  connectUnix(path: PathLike, seqpacket: boolean): [number, number]
  socketPair(): [number, number, number]
  connectInNetns(path: PathLike, port: number): Promise<number>
  bindPort(address: string, port: number, udp: boolean): number
  probePort(address: string, port: number, udp: boolean): number
  shutdownSocket(fd: number, how: number): void
  sendFd(socket: number, fd: number, bytes: Uint8Array): number
  sendDatagram(path: PathLike, bytes: Uint8Array): void
  spawn(file: string, args: readonly string[], env: readonly string[], cwd: string, fds: readonly number[], flags: number, joins: readonly string[]): [number, number, number]
  reap(pid: number): number | undefined
  pipe(nonBlocking: number): [number, number]
  watch(fd: number, events: number, callback: (events: number) => void): object
  unwatch(handle: object): void
  inflateOpen(checked: boolean): object
  inflateNext(inflater: object, input: Uint8Array, start: number, output: Uint8Array, done: Uint32Array): void
}

let loaded: Native | undefined

const native = (): Native => (loaded ??= load())

const isProgram = import.meta.dirname === distDir && process.execArgv.every((word) => !word.includes('-prof'))

/**
 * Node's own end waits for its threads, and where one of V8's was just compiling, now and then for ever. What is left to do
 * is done by then: handlers of 'exit' have run, and what was written to pipes and files is there.
 */
function endWith(addon: Native): void {
  const program = process as unknown as { reallyExit(code: number): void }
  const { reallyExit } = program
  program.reallyExit = (code) => { if (!addon.exit(code)) reallyExit.call(process, code) }
}

const load = (): Native => {
  const file = builtFile('scow.node')
  try {
    const module = { exports: {} }
    process.dlopen(module, file)
    const addon = module.exports as Native
    if (isProgram) endWith(addon)
    return addon
  } catch (cause) {
    throw new Failure('unavailable', `the native part ${file} cannot be loaded: ${cause instanceof Error ? cause.message.split('\n')[0] : cause}`,
      { cause, hint: 'build it with: node build.mjs addon' })
  }
}

/** mount(2); `flags` are MS_*, `data` the file system's options. */
export const mount = (source: PathLike | null, target: PathLike, type: string | null, flags = 0, data?: string): void =>
  native().mount(source, target, type, flags, data ?? null)

/** umount2(2); `flags` are MNT_* and UMOUNT_NOFOLLOW. */
export const umount = (target: PathLike, flags = 0): void => native().umount(target, flags)

/** As `umount`, on the thread pool: unmounting a written overlay syncs it. */
export const umountAsync = async (target: PathLike, flags = 0): Promise<void> => { await native().umountAsync(target, flags) }

const ATTRIBUTES: Readonly<Record<string, number>> = {
  ro: flag.MOUNT_ATTR_RDONLY, nosuid: flag.MOUNT_ATTR_NOSUID, nodev: flag.MOUNT_ATTR_NODEV,
  noexec: flag.MOUNT_ATTR_NOEXEC, noatime: flag.MOUNT_ATTR_NOATIME, rw: 0,
}

/**
 * Mounts an overlay with any number of lower directories that the kernel allows (500), whatever their paths' length.
 * Needs no escaping. The error of a refusal carries the kernel's reason as `detail` where it gives one.
 */
export const mountOverlay = ({ lowers, upper, work, target, options = [], byOptions = false }: OverlayMount): void =>
  native().mountOverlay(lowers, upper ?? null, work ?? null, target, options.filter((o) => !(o in ATTRIBUTES)),
    options.reduce((bits, o) => bits | (ATTRIBUTES[o] ?? 0), 0), byOptions)

const mapText = (ranges: readonly IdMapping[]): string =>
  ranges.map((r) => `${r.containerId} ${r.hostId} ${r.size}\n`).join('')

export interface IdMappings { readonly uids: readonly IdMapping[]; readonly gids: readonly IdMapping[] }

/**
 * Bind-mounts `source` on `target` with ids shifted: on-disk id `containerId` shows as `hostId`. On the thread pool. EINVAL where
 * the file system can't, EPERM for a tree that is shifted already.
 */
export const mountIdmapped = async (source: PathLike, target: PathLike, { uids, gids, recursive = false }: IdMappings & { readonly recursive?: boolean }): Promise<void> => {
  await native().mountIdmapped(source, target, mapText(uids), mapText(gids), recursive)
}

/** mount_setattr(2): MOUNT_ATTR_* to set and clear, `propagation` one of MS_SHARED, MS_PRIVATE, MS_SLAVE, MS_UNBINDABLE. */
export const setMountAttr = (path: PathLike,
  { set = 0, clear = 0, propagation = 0 }: { readonly set?: number; readonly clear?: number; readonly propagation?: number }, recursive = false): void =>
  native().setMountAttr(path, set, clear, propagation, recursive)

/** `mode` includes the file type (S_IFCHR ...). A whiteout is S_IFCHR with device 0:0. */
export const mknod = (path: PathLike, mode: number, device: { readonly major: number; readonly minor: number } = { major: 0, minor: 0 }): void =>
  native().mknod(path, mode, device.major, device.minor)

/** ext4 puts the directories made in this one, and what is in them, far from each other from now on (FS_TOPDIR_FL); others ignore it. */
export const spreadBelow = (path: PathLike): void => native().spreadBelow(path)

export const lsetxattr = (path: PathLike, name: string, value: Uint8Array): void => native().lsetxattr(path, name, value)

/** Undefined when the attribute is absent or the file system has none. */
export const lgetxattr = (path: PathLike, name: string): Buffer | undefined => native().lgetxattr(path, name)

export const llistxattr = (path: PathLike): string[] => native().llistxattr(path).toString().split('\0').slice(0, -1)

export const lremovexattr = (path: PathLike, name: string): void => native().lremovexattr(path, name)

/** Sets both times in nanoseconds since 1970, of a symbolic link itself. */
export const utimens = (path: PathLike, { atimeNs, mtimeNs }: { readonly atimeNs: bigint; readonly mtimeNs: bigint }): void =>
  native().utimens(path, atimeNs, mtimeNs)

/** openat2(2) with RESOLVE_IN_ROOT: `path` as if `root` were `/`, magic links refused. `flags` are O_* of node:fs. Returns a descriptor. */
export const openInRoot = (root: PathLike, path: PathLike, flags: number, mode = 0o666): number =>
  native().openInRoot(root, path, flags, mode)

const LOCKS: Readonly<Record<LockKind, number>> = { unlock: 0, shared: 1, exclusive: 2 }

/** flock(2). False: somebody else holds it (only without `wait`). */
export const flock = (fd: number, kind: LockKind, wait = false): boolean => native().flock(fd, LOCKS[kind], wait)

/** Waits on a thread of the pool, which cannot be called back: `lockFile` of fs/ is the one to use. */
export const flockAsync = async (fd: number, kind: LockKind): Promise<void> => { await native().flockAsync(fd, LOCKS[kind]) }

/** Writes the whole file system of `fd` to disk. */
export const syncfs = (fd: number): void => native().syncfs(fd)
export const syncfsAsync = async (fd: number): Promise<void> => { await native().syncfsAsync(fd) }

/** EEXIST when `to` exists. */
export const renameNoReplace = (from: PathLike, to: PathLike): void => native().rename(from, to, 1)

/** Swaps two existing names in one step. */
export const renameExchange = (from: PathLike, to: PathLike): void => native().rename(from, to, 2)

/**
 * A network namespace with lo up, held by a bind mount on the new file `path`: a new one, or that of `source`. On the thread pool,
 * since the kernel may be busy with others that end. EEXIST when the file is there.
 */
export const createNetns = async (path: PathLike, source?: PathLike): Promise<void> => { await native().createNetns(path, source ?? null) }

export const pidfdOpen = (pid: number): number => native().pidfdOpen(pid)
export const pidfdSignal = (fd: number, signal: number): void => native().pidfdSignal(fd, signal)

/** Whether the kernel takes the system calls of the x32 ABI. Never under a seccomp filter: it may kill for the question. */
export const runsX32 = (): boolean => native().runsX32()

/** Orphans of our children become our children. */
export const setSubreaper = (on: boolean): void => native().setSubreaper(on)

export interface WindowSize { readonly rows: number; readonly columns: number }

/** ENOTTY when `fd` is no terminal. */
export const windowSize = (fd: number): WindowSize => {
  const packed = native().windowSize(fd)
  return { rows: packed >>> 16, columns: packed & 0xffff }
}
/** cfmakeraw(3): also without output translation, which libuv's raw mode leaves on. @returns the former settings */
export const makeRaw = (fd: number): Buffer => native().makeRaw(fd)
export const restoreTerminal = (fd: number, saved: Uint8Array): void => native().restoreTerminal(fd, saved)
export const setWindowSize = (fd: number, { rows, columns }: WindowSize): void => native().setWindowSize(fd, rows, columns)

/**
 * A connected Unix socket that doesn't block, as two descriptors of one socket, since `watch` takes each but once. The
 * caller closes both. The path may be longer than sun_path. EAGAIN when who listens takes nobody more for now.
 */
export const connectUnix = (path: PathLike, type: 'stream' | 'seqpacket'): { read: number; write: number } => {
  const [read, write] = native().connectUnix(path, type === 'seqpacket')
  return { read, write }
}

/** A connected pair: our end as `connectUnix` gives it, and the end that is handed on. The caller closes all three. */
export const socketPair = (): { read: number; write: number; other: number } => {
  const [read, write, other] = native().socketPair()
  return { read, write, other }
}

/** Descriptor of a TCP connection to the loopback (IPv4, else IPv6) of the network namespace at `path`; made on the thread pool. */
export const connectInNetns = (path: PathLike, port: number): Promise<number> => native().connectInNetns(path, port)

/** Descriptor of a socket that has the port of an address (IPv4, or IPv6 alone) and listens to nobody: who connects is refused. */
export const bindPort = (address: string, port: number, protocol: 'tcp' | 'udp'): number => native().bindPort(address, port, protocol === 'udp')

/** Takes the port for a moment as a server would (0: one that the kernel chooses) and gives it free again. @returns the port */
export const probePort = (address: string, port: number, protocol: 'tcp' | 'udp'): number => native().probePort(address, port, protocol === 'udp')

export const shutdownSocket = (fd: number, how: 'read' | 'write' | 'both'): void =>
  native().shutdownSocket(fd, how === 'read' ? 0 : how === 'write' ? 1 : 2)

/** Hands `fd` over the connected Unix socket, with at least one byte. */
export const sendFd = (socket: number, fd: number, bytes: Uint8Array): number => native().sendFd(socket, fd, bytes)

/** Gives back free memory of the C library's, which keeps what ended threads have left, and pages of files that can be had again from
 * the page cache: a start maps far more of a program than it uses. On the thread pool. */
export const trimMemory = async (): Promise<void> => { await native().trimMemory() }

/** For `ms`, from about a grace period of the kernel on, whoever moves a process to another cgroup need not wait for one. Nothing where
 * this process may not do so. On a thread of its own. */
export const keepMovesReady = (ms: number): void => native().keepMovesReady(ms)

/** One message to the datagram socket at `path`, whole or not at all and without waiting; "@name" is an abstract one. */
export const sendDatagram = (path: string, bytes: Uint8Array): void => native().sendDatagram(path, bytes)

export interface SpawnOptions {
  /** Absolute path. */
  readonly file: string
  /** With argv[0]. */
  readonly args: readonly string[]
  /** `NAME=value` */
  readonly env: readonly string[]
  readonly cwd: string
  /** Index is the child's descriptor, value ours; -1 is /dev/null. At most 64. */
  readonly fds: readonly number[]
  readonly newGroup?: boolean
  readonly newSession?: boolean
  /** Of cgroups that it enters before it is that program: `tasks` of version 1, `cgroup.procs` of version 2. */
  readonly cgroupFiles?: readonly string[]
}

/**
 * Starts a program; signals are as after a log-in, no other descriptor is handed on. `syscall` of the error tells what
 * failed: execve, chdir, clone. `joinErrno` is not 0 when it could not enter a cgroup. The caller reaps the child when its pidfd gets readable, and closes the pidfd.
 */
export const spawn = ({ file, args, env, cwd, fds, newGroup = false, newSession = false, cgroupFiles = [] }: SpawnOptions): { pid: number; pidfd: number; joinErrno: number } => {
  const [pid, pidfd, joinErrno] = native().spawn(file, args, env, cwd, fds, (newGroup ? 1 : 0) | (newSession ? 2 : 0), cgroupFiles)
  return { pid, pidfd, joinErrno }
}

/** How a child ended: its code, or minus the number of a signal; undefined while it runs. */
export const reap = (pid: number): number | undefined => native().reap(pid)

/** A pipe; an end that is watched should not block. */
export const pipe = (nonBlocking: 'read' | 'write' | 'none'): { read: number; write: number } => {
  const [read, write] = native().pipe(nonBlocking === 'read' ? 1 : nonBlocking === 'write' ? 2 : 0)
  return { read, write }
}

/**
 * Calls back whenever `fd` is readable (at its end too) or writable, until the returned function is called: once, and
 * before the descriptor is closed. Keeps this process alive meanwhile, unless `idle`.
 */
export const watch = (fd: number, { events, idle = false }: { readonly events: 'read' | 'write'; readonly idle?: boolean }, callback: () => void): (() => void) => {
  const handle = native().watch(fd, (events === 'read' ? 1 : 2) | (idle ? 8 : 0), callback)
  return () => native().unwatch(handle)
}

export interface Inflated {
  /** Of the input, from `start` on. */
  readonly read: number
  readonly written: number
  /** What comes next may be another member, or nothing; after `padded` nothing counts any more. */
  readonly state: 'inside' | 'memberEnded' | 'padded'
}

const INFLATE_STATES = ['inside', 'memberEnded', 'padded'] as const

/**
 * Reads gzip, any number of members: each call inflates `input` from `start` on as far as `output` has room, in the calling
 * thread; there is more to come while `output` got full. Throws zlib's own words for broken bytes. Without `checked` the sums
 * in the stream are not compared: for bytes that are known by better ones.
 */
export const gunzip = ({ checked }: { readonly checked: boolean }): ((input: Uint8Array, start: number, output: Uint8Array) => Inflated) => {
  const inflater = native().inflateOpen(checked)
  const done = new Uint32Array(3)
  return (input, start, output) => {
    native().inflateNext(inflater, input, start, output, done)
    return { read: done[0]!, written: done[1]!, state: INFLATE_STATES[done[2]!]! }
  }
}
