// What `scow info` says of this machine and this installation.
import { readFileSync, statfsSync } from 'node:fs'
import { arch, cpus, freemem, hostname, release, totalmem, uptime } from 'node:os'
import { isFailure } from '../errors.ts'
import { runProgram } from '../process/run-program.ts'
import { apparmorParser, DEFAULT_PROFILE } from './apparmor-profile.ts'
import { cgroupVersion, gatherHostFacts } from './gather-host-facts.ts'
import type { Engine } from './engine.ts'
import { findMonitor } from './find-monitor.ts'
import { listContainers } from './list-containers.ts'

export interface HostInfo {
  readonly arch: string
  readonly cgroup: { readonly version: 1 | 2; readonly manager: string; readonly controllers: readonly string[] }
  /** Where one is missing, its path is empty and `version` says what to do. */
  readonly conmon: { readonly path: string; readonly version: string }
  readonly runtime: { readonly name: string; readonly path: string; readonly version: string }
  readonly cpus: number
  readonly distribution: { readonly name: string; readonly version: string; readonly codename: string }
  readonly hostname: string
  readonly kernel: string
  readonly memoryFreeBytes: number
  readonly memoryTotalBytes: number
  readonly swapFreeBytes: number
  readonly swapTotalBytes: number
  readonly uptimeSeconds: number
  /** apparmor: on, and the default profile is or can be loaded. */
  readonly security: { readonly apparmor: boolean; readonly seccomp: boolean; readonly selinux: boolean; readonly rootless: boolean; readonly capabilities: readonly string[] }
  readonly store: {
    readonly root: string
    readonly runRoot: string
    readonly volumePath: string
    readonly driver: string
    readonly fileSystem: string
    readonly sizeBytes: number
    readonly usedBytes: number
    readonly containers: { readonly total: number; readonly running: number; readonly paused: number; readonly stopped: number }
    readonly images: number
  }
}

/** Never fails for what is missing on the host: that is what it is asked about. */
export async function hostInfo(engine: Engine): Promise<HostInfo> {
  return { ...machineInfo(engine.config), conmon: await monitorInfo(engine), runtime: await runtimeInfo(engine), store: await storeInfo(engine) }
}

/** The machine alone, whoever runs containers on it. */
export function machineInfo(config: Pick<Engine['config'], 'engine' | 'containers'>): Omit<HostInfo, 'conmon' | 'runtime' | 'store'> {
  const facts = gatherHostFacts({ devices: false, selinux: true })
  const memory = meminfo()
  return {
    arch: arch() === 'x64' ? 'amd64' : arch(),
    cgroup: { version: cgroupVersion(), manager: config.engine.cgroupManager, controllers: facts.cgroup.controllers },
    cpus: cpus().length,
    distribution: distribution(),
    hostname: hostname(), kernel: release(),
    memoryFreeBytes: memory['MemFree'] ?? freemem(), memoryTotalBytes: memory['MemTotal'] ?? totalmem(),
    swapFreeBytes: memory['SwapFree'] ?? 0, swapTotalBytes: memory['SwapTotal'] ?? 0,
    uptimeSeconds: Math.floor(uptime()),
    security: { apparmor: facts.apparmor !== undefined && (facts.apparmor.loadedProfiles.includes(DEFAULT_PROFILE) || apparmorParser() !== undefined), seccomp: facts.seccomp, selinux: facts.selinux, rootless: facts.rootless, capabilities: config.containers.capabilities },
  }
}

async function monitorInfo({ config }: Engine): Promise<HostInfo['conmon']> {
  try {
    const { path } = findMonitor(config)
    const { stdout } = await runProgram(path, ['--version'], { timeoutMs: 5000 })
    return { path, version: stdout.toString().trim().split('\n').join(', ') }
  } catch (error) {
    return { path: '', version: missing(error) }
  }
}

/** Where the version would stand it says what is missing, and what to do. @throws what is no Failure */
function missing(error: unknown): string {
  if (!isFailure(error)) throw error
  return error.hint ? `${error.message}; ${error.hint}` : error.message
}

async function runtimeInfo(engine: Engine): Promise<HostInfo['runtime']> {
  try {
    const runtime = await engine.runtime()
    return { name: engine.config.engine.runtime, path: runtime.path, version: await runtime.version() }
  } catch (error) {
    return { name: engine.config.engine.runtime, path: '', version: missing(error) }
  }
}

async function storeInfo(engine: Engine): Promise<HostInfo['store']> {
  const rows = await listContainers(engine)
  const count = (phase: string): number => rows.filter((row) => row.phase === phase).length
  const { bsize, blocks, bfree, type } = statfsSync(engine.paths.root)
  const storage = await engine.storage()
  return {
    root: engine.paths.root, runRoot: engine.paths.runRoot, volumePath: engine.config.engine.volumePath || engine.paths.volumes,
    driver: storage.driver, fileSystem: FILE_SYSTEMS[type] ?? `0x${type.toString(16)}`,
    sizeBytes: blocks * bsize, usedBytes: (blocks - bfree) * bsize,
    containers: { total: rows.length, running: count('running'), paused: count('paused'), stopped: rows.length - count('running') - count('paused') },
    images: (await engine.state.images.list()).length,
  }
}

/** statfs(2) magic numbers of the file systems that stores lie on. */
const FILE_SYSTEMS: Readonly<Record<number, string>> = { 0xef53: 'extfs', 0x58465342: 'xfs', 0x9123683e: 'btrfs', 0x01021994: 'tmpfs', 0x794c7630: 'overlayfs', 0x2fc12fc1: 'zfs', 0x6969: 'nfs' }

const meminfo = (): Record<string, number> => Object.fromEntries(
  [...readFileSync('/proc/meminfo', 'utf8').matchAll(/^(\w+):\s+(\d+) kB$/gm)].map(([, name, kib]) => [name!, Number(kib) * 1024]))

function distribution(): HostInfo['distribution'] {
  try {
    const fields = Object.fromEntries([...readFileSync('/etc/os-release', 'utf8').matchAll(/^(\w+)="?([^"\n]*)"?$/gm)].map(([, name, value]) => [name!, value!]))
    return { name: fields['ID'] ?? 'unknown', version: fields['VERSION_ID'] ?? 'unknown', codename: fields['VERSION_CODENAME'] ?? '' }
  } catch {
    return { name: 'unknown', version: 'unknown', codename: '' }
  }
}
