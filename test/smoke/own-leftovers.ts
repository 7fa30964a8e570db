// Outside of jails others use the machine too: only what bears a mark of this test is looked at.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Box } from '../support/box.ts'

/** All rules of the machine, one a line. */
export const firewall = (): string[] => ['iptables-save', 'ip6tables-save'].flatMap((file) => (spawnSync(file, { encoding: 'utf8' }).stdout ?? '').split('\n'))

/**
 * What is left of a box whose containers had these ids and whose firewall rules and links had these words in them. The
 * general chains of scow and of the portmap plugin stay, and the storage root and the folder of network namespaces are mounts of themselves and stay.
 */
export async function findOwnLeftovers({ dir, root, runRoot }: Box, { ids, words }: { readonly ids: Iterable<string>; readonly words: Iterable<string> }): Promise<string[]> {
  const marks = [dir, ...ids, ...words]
  const isOurs = (line: string) => marks.some((mark) => line.includes(mark))
  for (let tries = 0; ; tries++) {
    const left = [
      ...mountPoints().filter((point) => isOurs(point) && point !== root && point !== join(runRoot, 'netns')).map((point) => `mount ${point}`),
      ...processes().filter(isOurs).map((line) => `process ${line}`),
      ...firewall().filter(isOurs).map((line) => `rule ${line}`),
      ...execFileSync('ip', ['-o', 'link', 'show'], { encoding: 'utf8' }).split('\n').filter(isOurs).map((line) => `link ${line}`),
      ...find(['/sys/fs/cgroup', '-type', 'd', '-name', '*[0-9a-f]*']).filter(isOurs).map((path) => `cgroup ${path}`),
      ...entries('/run/netns', '/var/lib/cni/results').filter(isOurs).map((path) => `file ${path}`),
      ...entries(...['containers', 'staging', 'networks/leases', 'cni/results'].map((name) => join(root, name)), ...['containers', 'netns', 'exits', 'cleanup'].map((name) => join(runRoot, name))).map((path) => `file ${path}`),
      ...find([dir, '-xdev', '(', '-type', 's', '-o', '-type', 'p', ')']).map((path) => `socket ${path}`),
    ]
    if (left.length === 0 || tries === 50) return left
    await sleep(100)
  }
}

const mountPoints = () => readFileSync('/proc/self/mountinfo', 'utf8').trimEnd().split('\n').map((line) => line.split(' ')[4]!)
const entries = (...folders: string[]) => folders.filter(existsSync).flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
const find = (args: readonly string[]) => spawnSync('find', args, { encoding: 'utf8' }).stdout.split('\n').filter(Boolean)

function processes(): string[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name) && name !== String(process.pid)).flatMap((pid) => {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
      return command ? [`${pid}: ${command} ${readFileSync(`/proc/${pid}/environ`, 'utf8')}`] : []
    } catch { return [] } // it has just ended
  })
}
