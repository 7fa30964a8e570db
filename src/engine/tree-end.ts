// Trees that this machine reaches by a path: its own, and through /proc/PID/root those of its containers.
import { readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { findInRoot } from '../fs/find-in-root.ts'
import { packTree } from '../storage/pack-tree.ts'
import { receiveTree } from '../storage/receive-tree.ts'
import type { CopyEnd } from './copy-files.ts'

/** The host's own. What comes from a container gives no rights there: no set-id bits, capabilities or devices. */
export const hostEnd = (): CopyEnd => ({
  what: 'this machine',
  // a copy of what a link leads to is called as the link is
  find: async (path) => ({ ...findInRoot('/', path), name: posix.basename(path) }),
  send: (path, as) => packTree({ root: '/', path, as }),
  // the directory itself is the root: no link in the archive leads out of it
  receive: ({ chunks, dir, chown, overwrite }) => receiveTree({
    root: dir, dir: '.', overwrite, privileges: false, ...(chown ? { owner: { uid: process.geteuid!(), gid: process.getegid!() } } : {}),
  }, chunks),
})

export interface ContainerTree {
  readonly pid: number
  readonly what: string
  /** Its main process's, by the container's own ids; absent: those the process has now. */
  readonly user?: Ids | undefined
}

interface Ids { readonly uid: number; readonly gid: number }

/** A running container's as its process sees it, mounts included. */
export function containerEnd({ pid, what, user }: ContainerTree): CopyEnd {
  const [uids, gids] = [readMap(pid, 'uid_map'), readMap(pid, 'gid_map')]
  const owner = user ? { uid: outside(uids, user.uid), gid: outside(gids, user.gid) } : ownerOf(pid)
  return rootedEnd({ what, roots: [{ at: '/', root: `/proc/${pid}/root` }], uids, gids, owner })
}

export interface RootedTree {
  readonly what: string
  /** Where each part of the tree lies: those at deeper paths first, `/` last. */
  readonly roots: readonly { readonly at: string; readonly root: string }[]
  /** Of the container's user namespace; none: ids are as they are. */
  readonly uids: readonly IdRange[]
  readonly gids: readonly IdRange[]
  /** Of the container's process, as the host knows it. */
  readonly owner: Ids
}

/** A container's tree by where its parts lie on this machine. A link of one part leads nowhere but into the same. */
export function rootedEnd({ what, roots, uids, gids, owner }: RootedTree): CopyEnd {
  const locate = (path: string): { root: string; at: string; inside: string } => {
    const whole = posix.join('/', path)
    const { at, root } = roots.find((one) => one.at === '/' || whole === one.at || whole.startsWith(`${one.at}/`))!
    return { root, at, inside: at === '/' ? whole : whole.slice(at.length) || '/' }
  }
  const inner = { uid: (id: number): number => inside(uids, id), gid: (id: number): number => inside(gids, id) }
  const outer = { uid: (id: number): number => outside(uids, id), gid: (id: number): number => outside(gids, id) }
  return {
    what,
    find: async (path) => {
      const { root, at, inside: below } = locate(path)
      const found = findInRoot(root, below)
      return { path: posix.join(at, found.path).replace(/(?<=.)\/$/, ''), kind: found.kind }
    },
    send: (path, as) => {
      const { root, inside: below } = locate(path)
      return packTree({ root, path: below, as, ids: inner })
    },
    receive: ({ chunks, dir, chown, overwrite }) => {
      const { root, inside: below } = locate(dir)
      return receiveTree({ root, dir: below, overwrite, privileges: true, ids: outer, ...(chown ? { owner } : {}) }, chunks)
    },
  }
}

export interface IdRange { readonly inner: number; readonly outer: number; readonly length: number }

const readMap = (pid: number, name: 'uid_map' | 'gid_map'): IdRange[] =>
  readFileSync(`/proc/${pid}/${name}`, 'utf8').trim().split('\n').map((line) => {
    const [inner, outer, length] = line.trim().split(/\s+/).map(Number) as [number, number, number]
    return { inner, outer, length }
  })

/** What the kernel shows for an id that has no place in a user namespace. */
const NOBODY = 65534

export const outside = (ranges: readonly IdRange[], id: number): number => {
  if (ranges.length === 0) return id
  const range = ranges.find(({ inner, length }) => id >= inner && id < inner + length)
  return range ? range.outer + id - range.inner : ranges[0]?.outer ?? NOBODY
}

const inside = (ranges: readonly IdRange[], id: number): number => {
  if (ranges.length === 0) return id
  const range = ranges.find(({ outer, length }) => id >= outer && id < outer + length)
  return range ? range.inner + id - range.outer : NOBODY
}

/** Of its process, as the host knows them. */
const ownerOf = (pid: number): { uid: number; gid: number } => {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const effective = (field: string): number => Number(new RegExp(`^${field}:\\s+\\d+\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0)
  return { uid: effective('Uid'), gid: effective('Gid') }
}
