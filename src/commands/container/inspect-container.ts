import { struct } from '../../cli/template/values.ts'
import type { Engine } from '../../engine/engine.ts'
import { execSessions } from '../../engine/exec-sessions.ts'
import { findContainer } from '../../engine/find-container.ts'
import { expectedSpec, readBuiltSpec } from './built-spec.ts'
import { mountWords, relabelMode } from './inspect-settings.ts'
import { inspectedContainer } from './inspect-view.ts'
import { containerSize } from './ps-extras.ts'
import type { Container } from './row.ts'

/** @throws Failure notFound */
export async function inspectContainer(engine: Engine, nameOrId: string, { size }: { size: boolean }) {
  const container = await findContainer(engine, nameOrId)
  const paths = engine.paths.container(container.id)
  return inspectedContainer({
    container, built: readBuiltSpec(paths.config) ?? await expectedSpec(engine, container.record), sizes: size ? await containerSize(engine, container) : undefined,
    files: paths, execIds: execSessions(engine, container.id), driverData: await driverData(engine, container), mounts: await mountsOf(engine, container),
    defaultNetwork: engine.config.network.defaultNetwork, defaultCaps: engine.config.containers.capabilities,
  })
}

async function driverData(engine: Engine, { id, record, phase }: Container): Promise<Record<string, string>> {
  const storage = await engine.storage()
  const upper = storage.containers.upperDir(id)
  const isRunning = phase === 'running' || phase === 'paused'
  return {
    LowerDir: (await lowerDirs(engine, record.image?.chainIds ?? [])).join(':'), ...(isRunning ? { MergedDir: storage.containers.rootPath(id) } : {}),
    UpperDir: upper, WorkDir: upper.replace(/[^/]+$/, 'work'),
  }
}

/** Trees of the layers, top first. */
async function lowerDirs(engine: Engine, chainIds: readonly string[]): Promise<string[]> {
  const { layers } = await engine.storage()
  const found = await Promise.all([...chainIds].reverse().map((chainId) => layers.find(chainId as Parameters<typeof layers.find>[0])))
  return found.flatMap((layer) => (layer ? [layer.tree] : []))
}

async function mountsOf(engine: Engine, { record }: Container) {
  const shown: unknown[] = []
  for (const mount of record.request.mounts) {
    if (mount.type !== 'bind' && mount.type !== 'volume' && mount.type !== 'image') continue
    const name = mount.type === 'volume' ? mount.name ?? record.volumes.find(({ target }) => target === mount.target)?.name ?? '' : ''
    const volume = name === '' ? undefined : await engine.state.volumes.get(name)
    const source = mount.type === 'bind' ? mount.source : mount.type === 'image' ? mount.image : volume?.mountpoint ?? ''
    const propagation = 'propagation' in mount ? mount.propagation ?? 'rprivate' : 'rprivate'
    shown.push(struct('define.InspectMount', {
      Type: mount.type, Name: name, Source: source, Destination: mount.target, Driver: mount.type === 'volume' ? volume?.driver ?? 'local' : '', Mode: relabelMode('relabel' in mount ? mount : {}),
      Options: mount.type === 'image' ? [...(mount.options ?? []), 'rbind'] : mountWords(mount), RW: !mount.readOnly, Propagation: propagation,
    }, name === '' ? { Name: '-' } : {}))
  }
  return shown
}
