import type { Container } from '../state/containers.ts'
import type { Engine } from './engine.ts'

/** linux.cgroupsPath: `/parent/scow-ID` under cgroupfs, `slice:scow:ID` under systemd; undefined: no cgroup of its own. */
export function cgroupsPath(_engine: Pick<Engine, 'config'>, { id, record }: Pick<Container, 'id' | 'record'>): string | undefined {
  const { cgroups, cgroupParent } = record.request
  if (cgroups === 'disabled') return undefined
  if (record.cgroupManager === 'systemd') return `${cgroupParent ?? 'machine.slice'}:scow:${id}`
  return `${cgroupParent ?? '/scow'}/scow-${id}`.replace(/^(?!\/)/, '/')
}
