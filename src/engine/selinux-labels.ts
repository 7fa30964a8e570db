// SELinux labels of a container (libselinux's lxc_contexts; MCS categories keep containers apart). Only where the host has it.
import { readFileSync } from 'node:fs'
import { Failure } from '../errors.ts'
import { setFileLabel } from '../fs/file-label.ts'
import type { ContainerRequest, MountRequest } from '../spec/request.ts'

export interface SelinuxLabels { readonly processLabel: string; readonly mountLabel: string }

const CATEGORIES = 1024

/** Undefined: not labelled (`label=disable`, privileged). The categories follow from the id, so a restart keeps them. */
export function selinuxLabels(id: string, { security }: Pick<ContainerRequest, 'security'>): SelinuxLabels | undefined {
  const options = security.selinux ?? []
  if (security.privileged || options.includes('disable')) return undefined
  const contexts = defaultContexts()
  const own = contexts.process.split(':')
  const file = contexts.file.split(':')
  const level = `s0:${categoriesOf(id)}`
  const parts = { user: own[0]!, role: own[1]!, type: own[2]!, level, filetype: file[2]! }
  for (const option of options) {
    const [name, value] = option.split(/:(.*)/s) as [keyof typeof parts, string | undefined]
    if (name === ('nested' as string)) continue
    if (!(name in parts) || !value) throw new Failure('invalid', `--security-opt label=${option}: unknown option`, { hint: 'use disable, user:, role:, type:, level: or filetype:' })
    parts[name] = value
  }
  return {
    processLabel: `${parts.user}:${parts.role}:${parts.type}:${parts.level}`,
    mountLabel: `${file[0]}:${file[1]}:${parts.filetype}:${parts.level}`,
  }
}

/** Two different categories of 1024. */
function categoriesOf(id: string): string {
  const bytes = process.getBuiltinModule('node:crypto').createHash('sha256').update(id).digest()
  const first = bytes.readUInt16BE(0) % CATEGORIES
  const second = (first + 1 + bytes.readUInt16BE(2) % (CATEGORIES - 1)) % CATEGORIES
  return `c${Math.min(first, second)},c${Math.max(first, second)}`
}

function defaultContexts(): { process: string; file: string } {
  const fallback = { process: 'system_u:system_r:container_t:s0', file: 'system_u:object_r:container_file_t:s0' }
  try {
    const type = /^SELINUXTYPE=(\w+)/m.exec(readFileSync('/etc/selinux/config', 'utf8'))?.[1] ?? 'targeted'
    const text = readFileSync(`/etc/selinux/${type}/contexts/lxc_contexts`, 'utf8')
    const value = (name: string): string | undefined => new RegExp(`^${name}\\s*=\\s*"([^"]+)"`, 'm').exec(text)?.[1]
    return { process: value('process') ?? fallback.process, file: value('file') ?? fallback.file }
  } catch {
    return fallback
  }
}

const SYSTEM_DIRS = new Set(['/', '/bin', '/boot', '/dev', '/etc', '/home', '/lib', '/lib64', '/opt', '/proc', '/root', '/run', '/sbin', '/srv', '/sys', '/tmp', '/usr', '/var'])

/** `z` and `Z`: the source of a mount gets the label that the container may use. Shared content has no categories. */
export async function relabelMount(mount: MountRequest, source: string, { mountLabel }: SelinuxLabels): Promise<void> {
  if ((mount.type !== 'bind' && mount.type !== 'volume') || !mount.relabel) return
  if (SYSTEM_DIRS.has(source)) throw new Failure('invalid', `SELinux relabelling of ${source} is not allowed`, { hint: 'leave out :z and :Z, or mount a folder below it' })
  await setFileLabel(source, mount.relabel === 'shared' ? mountLabel.split(':').slice(0, 4).join(':').replace(/:s0.*$/, ':s0') : mountLabel)
}
