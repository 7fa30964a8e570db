import type { ContainerRecord } from '../state/container-record.ts'

/** As little of a container as tells where its cgroups are. */
export interface GroupOwner {
  readonly id: string
  readonly record: { readonly cgroupManager?: ContainerRecord['cgroupManager']; readonly request: { readonly cgroupParent?: string } }
}

/** linux.cgroupsPath: `/parent/scow-ID` under cgroupfs, `slice:scow:ID` under systemd */
export function cgroupsPath({ id, record }: GroupOwner): string {
  const { cgroupParent } = record.request
  if (record.cgroupManager === 'systemd') return `${cgroupParent ?? 'machine.slice'}:scow:${id}`
  return `${cgroupParent ?? '/scow'}/scow-${id}`.replace(/^(?!\/)/, '/')
}

/** `/a/b` under cgroupfs, `slice:prefix:name` under systemd. */
export function groupPath(cgroupsPath: string): string {
  const [slice, prefix, name] = cgroupsPath.split(':')
  return name === undefined ? cgroupsPath : `${slicePath(slice!)}/${prefix}-${name}.scope`
}

/** `a-b.slice` lies in `a.slice`. */
export function slicePath(slice: string): string {
  const parts = slice.replace(/\.slice$/, '').split('-')
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join('-')}.slice`).join('')
}
