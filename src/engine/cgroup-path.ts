import type { Container } from '../state/containers.ts'

/** linux.cgroupsPath: `/parent/scow-ID` under cgroupfs, `slice:scow:ID` under systemd */
export function cgroupsPath({ id, record }: Pick<Container, 'id' | 'record'>): string {
  const { cgroupParent } = record.request
  if (record.cgroupManager === 'systemd') return `${cgroupParent ?? 'machine.slice'}:scow:${id}`
  return `${cgroupParent ?? '/scow'}/scow-${id}`.replace(/^(?!\/)/, '/')
}
