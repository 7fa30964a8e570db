import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { patience } from './patience.ts'

interface Roots {
  readonly dir: string
  readonly root: string
  readonly runRoot: string
}

/**
 * Names everything that an installation without containers should not have: mounts, processes, network namespaces,
 * addresses, links, firewall rules, cgroups, sockets, half-done work. Cleanup in the background gets a moment.
 */
export async function findLeftovers(roots: Roots, { patienceMs = 5000 * patience } = {}): Promise<string[]> {
  for (let tries = 0; ; tries++) {
    const left = [...mounts(roots), ...processes(roots), ...files(roots), ...links(), ...rules(), ...cgroups()]
    if (left.length === 0 || tries * 100 >= patienceMs) return left
    await sleep(100)
  }
}

const mountPoints = () => readFileSync('/proc/self/mountinfo', 'utf8').trimEnd().split('\n').map((line) => line.split(' ')[4]!)

/** The storage root and the folder of network namespaces are mounts of themselves and stay. */
const lasting = ({ root, runRoot }: Roots) => new Set([root, join(runRoot, 'netns')])

const mounts = (roots: Roots) => mountPoints()
  .filter((point) => point.startsWith(`${roots.dir}/`) && !lasting(roots).has(point)).map((point) => `mount ${point}`)

function processes({ dir }: Pick<Roots, 'dir'>): string[] {
  const found: string[] = []
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name) && name !== String(process.pid))) {
    const read = (name: string) => { try { return readFileSync(`/proc/${pid}/${name}`, 'utf8') } catch { return '' } }
    const command = read('cmdline')
    if (command.includes(dir) || (read('environ').includes(dir) && command !== '')) found.push(`process ${pid}: ${command.replaceAll('\0', ' ')}`)
  }
  return found
}

/** Everything in these folders belongs to a container or to work under way. */
function files({ root, runRoot }: Roots): string[] {
  const folders = [
    ...['containers', 'staging', 'networks/leases'].map((name) => join(root, name)),
    ...['containers', 'netns', 'exits', 'cleanup'].map((name) => join(runRoot, name)),
    '/run/netns', '/var/lib/cni/results',
  ]
  const entries = folders.filter(existsSync).flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
  const leases = [join(root, 'cni'), join(root, 'networks'), '/var/lib/cni/networks'].filter(existsSync)
    .flatMap((folder) => readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)))
    .filter((path) => /\/\d+\.\d+\.\d+\.\d+$|\/[0-9a-f:]*::[0-9a-f:]*$|\/results\/./.test(path))
  const sockets = existsSync(runRoot) ? execFileSync('find', [runRoot, '-type', 's', '-o', '-type', 'p'], { encoding: 'utf8' }).split('\n').filter(Boolean) : []
  return [...entries, ...leases, ...sockets].map((path) => `file ${path}`)
}

const links = () => spawnSync('ip', ['-o', 'link', 'show', 'type', 'veth'], { encoding: 'utf8' }).stdout.split('\n').filter(Boolean).map((line) => `link ${line}`)

/** Rules and chains of one container; the plugins' general chains stay. */
const rules = () => ['iptables-save', 'ip6tables-save'].flatMap((file) => (spawnSync(file, { encoding: 'utf8' }).stdout ?? '').split('\n')
  .filter((line) => /id: \\?"|CNI-[0-9a-f]{20,}|CNI-(DN|SN)-|--to-destination|-d \d+\.\d+\.\d+\.\d+\/32/.test(line)).map((line) => `rule ${line}`))

function cgroups(): string[] {
  const { stdout } = spawnSync('find', ['/sys/fs/cgroup', '-type', 'd', '-name', `*${'[0-9a-f]'.repeat(64)}*`], { encoding: 'utf8' })
  return stdout.split('\n').filter(Boolean).map((path) => `cgroup ${path}`)
}

/** Waits for the end of processes that name a folder: podman's monitors start podman once more, which mounts in it again. */
export async function processesGone(dir: string): Promise<void> {
  for (let tries = 0; processes({ dir }).length > 0; tries++) {
    if (tries === 100 * patience) throw new Error(`processes of ${dir} do not end: ${processes({ dir }).join('\n')}`)
    await sleep(100)
  }
}

/** Takes away what is mounted below a folder, so that it can be removed. */
export function unmountRoots(dir: string): void {
  for (const point of mountPoints().filter((path) => path.startsWith(`${dir}/`)).reverse()) spawnSync('umount', ['--lazy', point])
}
