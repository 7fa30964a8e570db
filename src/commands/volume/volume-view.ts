import { GoTime, goMap, struct } from '../../cli/template/values.ts'
import type { Engine } from '../../engine/engine.ts'

export type Volume = Awaited<ReturnType<Engine['state']['volumes']['list']>>[number]

export const volumeView = (volume: Volume, mounts: number) => struct('define.InspectVolumeData', {
  Name: volume.name, Driver: volume.driver, Mountpoint: volume.mountpoint, CreatedAt: GoTime.fromMs(volume.createdAtMs), Labels: goMap(volume.labels), Scope: 'local', Options: goMap(volume.options),
  UID: volume.uid ?? 0, GID: volume.gid ?? 0, Anonymous: volume.anonymous, MountCount: mounts,
}, Object.fromEntries([['UID', volume.uid], ['GID', volume.gid], ['Anonymous', volume.anonymous]].filter(([, value]) => !value).map(([name]) => [name, '-'])))
