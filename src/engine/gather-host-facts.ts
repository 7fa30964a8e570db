// What the spec generator must know of this machine: read from /proc and /sys, and for x32 asked of the kernel.
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { mayRunX32 } from '../process/x32.ts'
import type { DeviceNode } from '../spec/devices.ts'
import type { HostFacts } from '../spec/host-facts.ts'
import type { Rlimit } from '../spec/request.ts'
import { deviceNode } from './device-nodes.ts'
import { boundingCapabilities, ownStatus } from './own-status.ts'

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', ppc64: 'ppc64le' }

const text = (path: string): string => {
  try { return readFileSync(path, 'utf8') } catch { return '' }
}

/** @param devices also everything under /dev, for privileged containers @param blockWeights whether they are asked for */
export function gatherHostFacts({ devices, selinux, blockWeights = false }: { devices: boolean; selinux: boolean; blockWeights?: boolean }): HostFacts {
  const [major = 0, minor = 0] = text('/proc/sys/kernel/osrelease').split('.').map(Number)
  const status = ownStatus()
  const apparmor = text('/sys/module/apparmor/parameters/enabled').startsWith('Y')
  return {
    architecture: ARCHITECTURES[process.arch] ?? process.arch,
    kernel: { major, minor },
    cgroup: { ...cgroupFacts(), ...(blockWeights && cgroupVersion() === 1 ? { blockWeights: ['weight', 'bfq.weight'].some((name) => existsSync(`/sys/fs/cgroup/blkio/blkio.${name}`)) } : {}) },
    rootless: process.geteuid?.() !== 0,
    boundingCapabilities: boundingCapabilities(status),
    rlimits: ownLimits(),
    oomScoreAdj: Number(text('/proc/self/oom_score_adj')) || 0,
    ...(apparmor ? { apparmor: { loadedProfiles: text('/sys/kernel/security/apparmor/profiles').split('\n').map((line) => line.replace(/ \(.*$/, '')).filter(Boolean) } } : {}),
    selinux: selinux && existsSync('/sys/fs/selinux/enforce'),
    seccomp: existsSync('/proc/sys/kernel/seccomp'),
    x32: mayRunX32(status),
    devices: devices ? hostDevices('/dev') : [],
    hugepageSizes: hugepageSizes(),
    cgroupNamespaces: existsSync('/proc/self/ns/cgroup'),
    runtime: { ociVersion: '1.0.2', idmappedMounts: false },
  }
}

export const cgroupVersion = (): 1 | 2 => (existsSync('/sys/fs/cgroup/cgroup.controllers') ? 2 : 1)

function cgroupFacts(): HostFacts['cgroup'] {
  if (cgroupVersion() === 2) {
    const own = /^0::(.*)$/m.exec(text('/proc/self/cgroup'))?.[1] ?? '/'
    return { version: 2, controllers: text('/sys/fs/cgroup/cgroup.controllers').trim().split(/\s+/), swapAccounting: own === '/' || existsSync(`/sys/fs/cgroup${own}/memory.swap.max`) }
  }
  const controllers = text('/proc/self/cgroup').split('\n').flatMap((line) => line.split(':')[1]?.split(',') ?? []).filter((name) => name && !name.startsWith('name='))
  return { version: 1, controllers, swapAccounting: existsSync('/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes') }
}

const LIMIT_NAMES: Readonly<Record<string, string>> = {
  'Max cpu time': 'CPU', 'Max file size': 'FSIZE', 'Max data size': 'DATA', 'Max stack size': 'STACK', 'Max core file size': 'CORE', 'Max resident set': 'RSS',
  'Max processes': 'NPROC', 'Max open files': 'NOFILE', 'Max locked memory': 'MEMLOCK', 'Max address space': 'AS', 'Max file locks': 'LOCKS',
  'Max pending signals': 'SIGPENDING', 'Max msgqueue size': 'MSGQUEUE', 'Max nice priority': 'NICE', 'Max realtime priority': 'RTPRIO', 'Max realtime timeout': 'RTTIME',
}
const UNLIMITED = -1

const ownLimits = (): Rlimit[] => text('/proc/self/limits').split('\n').flatMap((line) => {
  const [, label, soft, hard] = /^(.+?)\s{2,}(\S+)\s+(\S+)/.exec(line) ?? []
  const name = label && LIMIT_NAMES[label]
  if (!name) return []
  const value = (word: string): number => (word === 'unlimited' ? UNLIMITED : Number(word))
  return [{ type: `RLIMIT_${name}`, soft: value(soft!), hard: value(hard!) }]
})

const hugepageSizes = (): string[] => {
  try {
    return readdirSync('/sys/kernel/mm/hugepages').map((name) => Number(/(\d+)kB/.exec(name)?.[1] ?? 0) * 1024).map((bytes) => (bytes >= 2 ** 30 ? `${bytes / 2 ** 30}GB` : `${bytes / 2 ** 20}MB`))
  } catch {
    return []
  }
}

/** Not the terminals and shared memory: the container has its own. */
const LEFT_OUT = new Set(['pts', 'shm', 'mqueue', 'console', 'ptmx', 'fd'])

function hostDevices(dir: string): DeviceNode[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    const path = `${dir}/${entry.name}`
    if (dir === '/dev' && LEFT_OUT.has(entry.name)) return []
    if (entry.isDirectory()) return hostDevices(path)
    return entry.isCharacterDevice() || entry.isBlockDevice() ? deviceNode(path) ?? [] : []
  })
}
