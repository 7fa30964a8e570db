// Namespaces of a pod live without a process: each is bind-mounted on a file by a helper that ends at once.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../errors.ts'
import { mountSharedMemory, pinNamespace } from '../fs/mounts.ts'
import type { HeldNamespaces } from '../process/hold-namespaces.ts'
import { runProgram } from '../process/run-program.ts'
import { resolveSysctls } from '../spec/sysctls.ts'
import type { PodRequest } from '../state/pod-record.ts'
import type { Pod } from '../state/pods.ts'
import type { Engine } from './engine.ts'
import { podLabels } from './selinux-labels.ts'

/** Sets the host name, then pairs of a file of /proc/sys and its value: they act on the namespaces that it runs in. One that cannot be set is named, with a code of ours. */
const SETTLE = 'set -e; [ -z "$1" ] || printf %s "$1" >/proc/sys/kernel/hostname; shift; while [ $# -gt 1 ]; do f="/proc/sys/$1"; [ -e "$f" ] || { echo "$1"; exit 113; }; printf %s "$2" >"$f" || { echo "$1"; exit 114; }; shift 2; done'
const [NO_SYSCTL, BAD_SYSCTL] = [113, 114]
const DEFAULT_SHM_BYTES = 64 * 2 ** 20

export const podPin = ({ paths }: Pick<Engine, 'paths'>, id: string, kind: 'ipc' | 'uts' | 'user'): string => join(paths.pod(id).ns, kind)

export interface PodPins {
  readonly id: string
  readonly request: PodRequest
  readonly netns: string | undefined
  /** Where the namespaces are, for a pod with a user namespace of its own, which must own them. */
  readonly held: HeldNamespaces | undefined
}

/** Pins IPC, UTS and user namespaces, sets host name and sysctls in them and in the network's, mounts the shared memory. */
export async function pinPodNamespaces(engine: Engine, { id, request, netns, held }: PodPins): Promise<void> {
  const own = engine.paths.pod(id)
  mkdirSync(own.ns, { recursive: true, mode: 0o700 })
  const pinned = ownKinds(request)
  const pin = (kind: (typeof pinned)[number] | 'user'): string => podPin(engine, id, kind)
  if (held) for (const kind of ['user', ...pinned] as const) pinNamespace(held.path(kind), pin(kind))
  else for (const kind of pinned) writeFileSync(pin(kind), '')
  const sysctls = settings(request)
  if (pinned.length > 0 || sysctls.length > 0) {
    const files = pinned.map((kind) => `--${kind}=${pin(kind)}`)
    const joined = [...(netns ? [`--net=${netns}`] : []), ...(held ? files : [])]
    const [file, ...args] = [
      ...(joined.length > 0 ? ['nsenter', ...joined] : []), ...(held ? [] : ['unshare', ...files]),
      '/bin/sh', '-c', SETTLE, 'sh', pinned.includes('uts') ? request.hostname : '', ...sysctls,
    ]
    const { code, stdout, stderr } = await runProgram(file!, args)
    if (code === NO_SYSCTL || code === BAD_SYSCTL) throw badSysctl(request, { file: stdout.toString().trim(), missing: code === NO_SYSCTL })
    if (code !== 0) throw new Failure('invalid', `the namespaces of pod ${request.name} cannot be made: ${stderr.toString().trim() || `${file} failed`}`)
  }
  if (request.ipc === 'pod') {
    mkdirSync(own.shm, { mode: 0o755 })
    mountSharedMemory(own.shm, request.shmSizeBytes ?? DEFAULT_SHM_BYTES, podLabels(engine, id, request)?.mountLabel)
  }
}

/** Where the pod's own are, under OCI's names; none once it was stopped. */
export function podNamespaces(engine: Pick<Engine, 'paths'>, { id, record: { request }, status: { netns, released } }: Pick<Pod, 'id' | 'record' | 'status'>): { readonly type: string; readonly path: string }[] {
  if (released) return []
  const pinned = [...(request.user ? ['user' as const] : []), ...ownKinds(request)].map((kind) => ({ type: kind, path: podPin(engine, id, kind) }))
  return netns ? [{ type: 'network', path: netns }, ...pinned] : pinned
}

/** Besides the network's: kinds that are the pod's own. */
export const ownKinds = (request: Pick<PodRequest, 'ipc' | 'network'>): ('ipc' | 'uts')[] =>
  (['ipc', 'uts'] as const).filter((kind) => (kind === 'ipc' ? request.ipc : request.network) === 'pod')

/** Alternating file and value. @throws invalid for one that would change the host, or whose name makes no sense */
function settings({ sysctls, network, ipc }: PodRequest): string[] {
  const kind = (mode: 'pod' | 'host') => ({ kind: mode === 'pod' ? 'private' : 'host' } as const)
  const apart = { kind: 'private' } as const
  const wanted = resolveSysctls(sysctls, [], { network: kind(network), uts: kind(network), ipc: kind(ipc), pid: apart, cgroup: apart, user: { kind: 'host' } })
  return Object.entries(wanted).flatMap(([name, value]) => [sysctlFile(name), value])
}

function badSysctl({ sysctls }: PodRequest, { file, missing }: { file: string; missing: boolean }): Failure {
  const [name = file, value = ''] = sysctls.findLast(([each]) => sysctlFile(each) === file) ?? []
  return missing ? noSuchSysctl(name) : new Failure('invalid', `sysctl ${name}: the kernel does not take ${JSON.stringify(value.slice(0, 60))}`)
}

const noSuchSysctl = (name: string): Failure => new Failure('invalid', `sysctl ${name}: no such setting`)

/** Both spellings of sysctl(8): the first sign tells which. */
function sysctlFile(name: string): string {
  const path = /^[^./]*\//.test(name) ? name : name.replace(/[./]/g, (sign) => (sign === '.' ? '/' : '.'))
  if (!/^[\w.\-/:]+$/.test(path) || path.split('/').some((part) => part === '' || part === '..' || part === '.')) throw noSuchSysctl(name)
  return path
}
