// SELinux labels of a container (libselinux's lxc_contexts; MCS categories keep containers apart). Only where the host has it.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { Failure } from '../errors.ts'
import { fileLabel, setFileLabel } from '../fs/file-label.ts'
import type { ContainerRequest, MountRequest } from '../spec/request.ts'
import type { Container } from '../state/containers.ts'
import type { PodRequest } from '../state/pod-record.ts'
import type { Engine } from './engine.ts'

export interface SelinuxLabels { readonly processLabel: string; readonly mountLabel: string }

const CATEGORIES = 1024
const SELINUX = '/sys/fs/selinux'

const isOn = ({ config }: Pick<Engine, 'config'>): boolean => config.containers.selinux && existsSync(`${SELINUX}/enforce`)

/**
 * Of a container's processes and files; undefined where the host has no SELinux, or it is not labelled. Containers of a
 * pod, and those that share an IPC namespace, have the same categories: each may touch what is the others'. @throws unsupported
 */
export async function containerLabels(engine: Pick<Engine, 'config' | 'state'>, { id, podId, record: { request } }: Pick<Container, 'id' | 'podId' | 'record'>): Promise<SelinuxLabels | undefined> {
  if (!isOn(engine)) return undefined
  const { ipc } = request.namespaces
  return known(selinuxLabels(podId ?? (ipc.kind === 'container' ? (await engine.state.containers.find(ipc.id)).id : id), request))
}

/** Of what all containers of a pod share. @throws unsupported */
export const podLabels = (engine: Pick<Engine, 'config'>, id: string, { selinux }: Pick<PodRequest, 'selinux'>): SelinuxLabels | undefined =>
  (isOn(engine) ? known(selinuxLabels(id, { security: selinux ? { selinux } : {} })) : undefined)

/** The kernel says EINVAL at the first use of a label that its policy does not know, of whatever it was used for. */
function known(labels: SelinuxLabels | undefined): SelinuxLabels | undefined {
  const unknown = labels && [labels.processLabel, labels.mountLabel].find((label) => !isKnown(label))
  if (unknown === undefined) return labels
  throw new Failure('unsupported', `the SELinux policy of this host knows no label ${unknown}`,
    { hint: 'install the policy of containers (container-selinux), ask for a type that it knows, or turn labels off: label = false in [containers] of containers.conf' })
}

function isKnown(label: string): boolean {
  try {
    writeFileSync(`${SELINUX}/context`, label)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'EINVAL'
  }
}

/** Of images' files on disk; undefined where the host has no SELinux, or a policy without containers. */
export function layerLabel(engine: Pick<Engine, 'config'>): string | undefined {
  if (!isOn(engine)) return undefined
  const { layer } = defaultContexts()
  return isKnown(layer) ? layer : undefined
}

/**
 * Undefined: not labelled (`label=disable`, privileged, or with the processes or the IPC of the host). The categories follow
 * from the id, so a restart keeps them.
 */
export function selinuxLabels(id: string, { security, namespaces }: Pick<ContainerRequest, 'security'> & Partial<Pick<ContainerRequest, 'namespaces'>>): SelinuxLabels | undefined {
  const options = security.selinux ?? []
  if (security.privileged || options.includes('disable')) return undefined
  if (options.length === 0 && (namespaces?.pid.kind === 'host' || namespaces?.ipc.kind === 'host')) return undefined
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

function defaultContexts(): { process: string; file: string; layer: string } {
  const fallback = { process: 'system_u:system_r:container_t:s0', file: 'system_u:object_r:container_file_t:s0', layer: 'system_u:object_r:container_ro_file_t:s0' }
  try {
    const type = /^SELINUXTYPE=(\w+)/m.exec(readFileSync('/etc/selinux/config', 'utf8'))?.[1] ?? 'targeted'
    const text = readFileSync(`/etc/selinux/${type}/contexts/lxc_contexts`, 'utf8')
    const value = (name: string): string | undefined => new RegExp(`^${name}\\s*=\\s*"([^"]+)"`, 'm').exec(text)?.[1]
    return { process: value('process') ?? fallback.process, file: value('file') ?? fallback.file, layer: value('ro_file') ?? fallback.layer }
  } catch {
    return fallback
  }
}

const SYSTEM_DIRS = new Set(['/', '/bin', '/boot', '/dev', '/etc', '/home', '/lib', '/lib64', '/opt', '/proc', '/root', '/run', '/sbin', '/srv', '/sys', '/tmp', '/usr', '/var'])

/** `z` and `Z`: the source of a mount gets the label that the container may use. Shared content has no categories. */
export async function relabelMount(mount: MountRequest, source: string, { mountLabel }: SelinuxLabels): Promise<void> {
  if ((mount.type !== 'bind' && mount.type !== 'volume') || !mount.relabel) return
  if (SYSTEM_DIRS.has(source)) throw new Failure('invalid', `SELinux relabelling of ${source} is not allowed`, { hint: 'leave out :z and :Z, or mount a folder below it' })
  await setFileLabel(source, mount.relabel === 'shared' ? sharedLabel({ mountLabel }) : mountLabel)
}

/** Of files that any container may have: without categories. */
export const sharedLabel = ({ mountLabel }: Pick<SelinuxLabels, 'mountLabel'>): string => mountLabel.split(':').slice(0, 4).join(':').replace(/:s0.*$/, ':s0')

/** A volume belongs to whichever containers use it. One that has their type already was labelled before. */
export async function labelVolume(dir: string, { labels, fresh }: { labels: SelinuxLabels; fresh: boolean }): Promise<void> {
  if (fresh || fileLabel(dir)?.split(':')[2] !== labels.mountLabel.split(':')[2]) await setFileLabel(dir, sharedLabel(labels))
}
