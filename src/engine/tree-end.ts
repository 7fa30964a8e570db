// Trees that this machine reaches by a path: its own, and through /proc/PID/root those of its containers.
import { readFileSync } from 'node:fs'
import { findInRoot } from '../fs/find-in-root.ts'
import { packTree } from '../storage/pack-tree.ts'
import { receiveTree } from '../storage/receive-tree.ts'
import type { CopyEnd } from './copy-files.ts'

/** The host's own. What comes from a container gives no rights there: no set-id bits, capabilities or devices. */
export const hostEnd = (): CopyEnd => ({
  what: 'this machine',
  find: async (path) => findInRoot('/', path),
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
  readonly user?: { readonly uid: number; readonly gid: number } | undefined
}

/** A running container's as its process sees it, mounts included. */
export function containerEnd({ pid, what, user }: ContainerTree): CopyEnd {
  const root = `/proc/${pid}/root`
  const [uids, gids] = [readMap(pid, 'uid_map'), readMap(pid, 'gid_map')]
  const owner = user ? { uid: outside(uids, user.uid), gid: outside(gids, user.gid) } : ownerOf(pid)
  return {
    what,
    find: async (path) => findInRoot(root, path),
    send: (path, as) => packTree({ root, path, as, ids: { uid: (id) => inside(uids, id), gid: (id) => inside(gids, id) } }),
    receive: ({ chunks, dir, chown, overwrite }) => receiveTree({
      root, dir, overwrite, privileges: true, ids: { uid: (id) => outside(uids, id), gid: (id) => outside(gids, id) }, ...(chown ? { owner } : {}),
    }, chunks),
  }
}

interface IdRange { readonly inner: number; readonly outer: number; readonly length: number }

const readMap = (pid: number, name: 'uid_map' | 'gid_map'): IdRange[] =>
  readFileSync(`/proc/${pid}/${name}`, 'utf8').trim().split('\n').map((line) => {
    const [inner, outer, length] = line.trim().split(/\s+/).map(Number) as [number, number, number]
    return { inner, outer, length }
  })

/** What the kernel shows for an id that has no place in a user namespace. */
const NOBODY = 65534

const outside = (ranges: readonly IdRange[], id: number): number => {
  const range = ranges.find(({ inner, length }) => id >= inner && id < inner + length)
  return range ? range.outer + id - range.inner : ranges[0]?.outer ?? NOBODY
}

const inside = (ranges: readonly IdRange[], id: number): number => {
  const range = ranges.find(({ outer, length }) => id >= outer && id < outer + length)
  return range ? range.inner + id - range.outer : NOBODY
}

/** Of its process, as the host knows them. */
const ownerOf = (pid: number): { uid: number; gid: number } => {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const effective = (field: string): number => Number(new RegExp(`^${field}:\\s+\\d+\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0)
  return { uid: effective('Uid'), gid: effective('Gid') }
}
