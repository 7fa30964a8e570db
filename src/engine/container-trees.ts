// The files of containers, for whoever copies: as the process of each sees them, or its root mounted for the time.
import { readFileSync, statSync } from 'node:fs'
import { normalize } from 'node:path'
import type { OciSpec } from '../spec/oci-spec.ts'
import type { Container } from '../state/containers.ts'
import { withContainerLock } from './container-lock.ts'
import type { CopyEnd } from './copy-files.ts'
import type { Engine } from './engine.ts'
import { findContainer } from './find-container.ts'
import { volumeDir } from './make-volume.ts'
import { recoverDead } from './recover.ts'
import { settleContainer } from './settle-container.ts'
import { containerEnd, outside, rootedEnd, type IdRange } from './tree-end.ts'
import { withUndo } from './undo.ts'
import { userInRoot } from './write-bundle.ts'

/** Has `act` see the trees of containers by their ids. One that does not run can't be started meanwhile. @throws notFound */
export async function withContainerTrees<T>(engine: Engine, ids: readonly string[], act: (trees: ReadonlyMap<string, CopyEnd>) => Promise<T>): Promise<T> {
  const trees = new Map<string, CopyEnd>()
  // in one order everywhere, so that no two wait for each other
  return [...new Set(ids)].sort().reduceRight<() => Promise<T>>(
    (next, id) => () => withTree(engine, id, (tree) => { trees.set(id, tree); return next() }), () => act(trees),
  )()
}

async function withTree<T>(engine: Engine, id: string, act: (tree: CopyEnd) => Promise<T>): Promise<T> {
  const running = await runningTree(engine, await findContainer(engine, id))
  if (running) return act(running)
  await recoverDead(engine)
  return withContainerLock(engine, id, async () => {
    const container = await settleContainer(engine, id)
    const started = await runningTree(engine, container)
    return started ? act(started) : withMountedTree(engine, container, act)
  })
}

async function runningTree(engine: Engine, { id, name, phase, status }: Container): Promise<CopyEnd | undefined> {
  if ((phase !== 'running' && phase !== 'paused') || !status.process) return undefined
  const { process: own } = JSON.parse(readFileSync(engine.paths.container(id).config, 'utf8')) as OciSpec
  return containerEnd({ pid: status.process.pid, what: `container ${name}`, user: own.user })
}

/** As a start that a killed process left, the mount is given back by whoever comes next. */
async function withMountedTree<T>(engine: Engine, container: Container, act: (tree: CopyEnd) => Promise<T>): Promise<T> {
  const { id, record: { request } } = container
  if (request.rootfs && !request.rootfs.overlay) return act(mountedTree(engine, container, request.rootfs.path))
  const { containers } = await engine.storage()
  const intentId = await engine.state.intents.open({ kind: 'start', target: id, owner: engine.self, data: {} }, { durable: false })
  const release = async (): Promise<void> => {
    await containers.unmount(id)
    await engine.state.intents.close(intentId, { durable: false })
  }
  return withUndo(async (undo) => {
    undo('unmount its root', release)
    const done = await act(mountedTree(engine, container, await containers.mount(id)))
    await release()
    return done
  })
}

function mountedTree(engine: Engine, { name, record: { request, user } }: Container, rootfsPath: string): CopyEnd {
  const ranges = (of: 'uids' | 'gids'): IdRange[] => request.idMappings?.[of].map(({ containerId, hostId, size }) => ({ inner: containerId, outer: hostId, length: size })) ?? []
  const [uids, gids] = [ranges('uids'), ranges('gids')]
  const { uid, gid } = userInRoot(rootfsPath, user ?? '')
  // volumes and directories of the host that are mounted when it runs
  const parts = request.mounts.flatMap((mount) => {
    const root = mount.type === 'volume' && mount.name !== undefined && mount.subPath === undefined ? volumeDir(engine, mount.name) : mount.type === 'bind' ? mount.source : undefined
    return root !== undefined && statSync(root, { throwIfNoEntry: false })?.isDirectory() ? [{ at: normalize(mount.target).replace(/(?<=.)\/$/, ''), root }] : []
  })
  return rootedEnd({
    what: `container ${name}`, uids, gids, owner: { uid: outside(uids, uid), gid: outside(gids, gid) },
    roots: [...parts.sort((a, b) => b.at.length - a.at.length), { at: '/', root: rootfsPath }],
  })
}
