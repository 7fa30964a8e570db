// The files of containers, for whoever copies: as the process of each sees them, or its root mounted for the time.
import { readFileSync, statSync } from 'node:fs'
import { normalize } from 'node:path'
import type { OciSpec } from '../spec/oci-spec.ts'
import type { Container } from '../state/containers.ts'
import { withContainerLock } from './container-lock.ts'
import type { CopyEnd } from './copy-files.ts'
import type { Engine } from './engine.ts'
import { findContainer, needReachable } from './find-container.ts'
import { unmountVolumes, volumeFiles } from './mount-volume.ts'
import { recoverDead } from './recover.ts'
import { settleContainer } from './settle-container.ts'
import { containerEnd, outside, rootedEnd, type IdRange } from './tree-end.ts'
import { withUndo } from './undo.ts'
import { userInRoot } from './write-bundle.ts'

/** Has `act` see the trees of containers by their ids. One that does not run can't be started meanwhile. @throws notFound */
export async function withContainerTrees<T>(engine: Engine, ids: readonly string[], act: (trees: ReadonlyMap<string, CopyEnd>) => Promise<T>): Promise<T> {
  await recoverDead(engine) // not while one of them is locked
  const trees = new Map<string, CopyEnd>()
  // in one order everywhere, so that no two wait for each other
  return [...new Set(ids)].sort().reduceRight<() => Promise<T>>(
    (next, id) => () => withTree(engine, id, (tree) => { trees.set(id, tree); return next() }), () => act(trees),
  )()
}

async function withTree<T>(engine: Engine, id: string, act: (tree: CopyEnd) => Promise<T>): Promise<T> {
  const running = await runningTree(engine, await findContainer(engine, id))
  if (running) return act(running)
  return withContainerLock(engine, id, async () => {
    const container = await settleContainer(engine, id)
    const started = await runningTree(engine, container)
    return started ? act(started) : withMountedTree(engine, container, act)
  })
}

async function runningTree(engine: Engine, container: Container): Promise<CopyEnd | undefined> {
  const { id, name, phase, status } = container
  if ((phase !== 'running' && phase !== 'paused') || !status.process) return undefined
  needReachable(container)
  const { process: own } = JSON.parse(readFileSync(engine.paths.container(id).config, 'utf8')) as OciSpec
  return containerEnd({ pid: status.process.pid, what: `container ${name}`, user: own.user })
}

/** As a start that a killed process left, the mounts are given back by whoever comes next. */
async function withMountedTree<T>(engine: Engine, container: Container, act: (tree: CopyEnd) => Promise<T>): Promise<T> {
  const { id, record: { request: { rootfs } } } = container
  const { containers } = await engine.storage()
  const intentId = await engine.state.intents.open({ kind: 'start', target: id, owner: engine.self, data: {} }, { durable: false })
  const release = async (): Promise<void> => {
    await unmountVolumes(engine, container)
    await containers.unmount(id)
    await engine.state.intents.close(intentId, { durable: false })
  }
  return withUndo(async (undo) => {
    undo('unmount what was mounted', release)
    const root = rootfs ? rootfs.path : await containers.mount(id)
    const done = await act(mountedTree(container, root, await mountedParts(engine, container)))
    await release()
    return done
  })
}

interface Part { readonly at: string; readonly root: string }

/** Volumes and directories of the host that are mounted when it runs. */
async function mountedParts(engine: Engine, container: Container): Promise<Part[]> {
  const parts: Part[] = []
  for (const { type, target, ...mount } of container.record.request.mounts) {
    const volume = type === 'volume' && 'name' in mount && mount.name !== undefined && mount.subPath === undefined ? await engine.state.volumes.get(mount.name) : undefined
    const root = volume ? await volumeFiles(engine, volume, container) : type === 'bind' && 'source' in mount ? mount.source : undefined
    if (root !== undefined && statSync(root, { throwIfNoEntry: false })?.isDirectory()) parts.push({ at: normalize(target).replace(/(?<=.)\/$/, ''), root })
  }
  return parts
}

function mountedTree({ name, record: { request, user } }: Container, rootfsPath: string, parts: Part[]): CopyEnd {
  const ranges = (of: 'uids' | 'gids'): IdRange[] => request.idMappings?.[of].map(({ containerId, hostId, size }) => ({ inner: containerId, outer: hostId, length: size })) ?? []
  const [uids, gids] = [ranges('uids'), ranges('gids')]
  const { uid, gid } = userInRoot(rootfsPath, user ?? '')
  return rootedEnd({
    what: `container ${name}`, uids, gids, owner: { uid: outside(uids, uid), gid: outside(gids, gid) },
    roots: [...parts.sort((a, b) => b.at.length - a.at.length), { at: '/', root: rootfsPath }],
  })
}
