// Bridges as links of the host. The bridge plugin makes one at the first ADD and never removes it; making it when the
// network is created reserves name and subnet against other installations on this host, which look at the host's links.
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { log } from '../log.ts'
import { findProgram } from '../process/find-program.ts'
import { runProgram } from '../process/run-program.ts'
import { overlaps, parseSubnet } from './addresses.ts'
import { hostSubnets } from './host-subnets.ts'
import type { RulesHost } from './network-rules.ts'
import type { NetworkView } from './networks.ts'

type Host = Pick<RulesHost, 'programDirs' | 'timeoutMs'>

/** A bridge that the host has, with its IPv4 addresses (`10.1.0.1/24`) in the kernel's order. */
export interface HostBridge { readonly name: string; readonly addresses: readonly string[] }

/** False when name or subnet were taken meanwhile. Without the program ip, or without the right to, nothing is reserved. */
export const reserveBridge = async (host: Host, { driver, network_interface: name, subnets = [], options = {} }: NetworkView, mac: string): Promise<boolean> => {
  if (driver !== 'bridge' || !name) return true
  const mtu = options['mtu'] ? ['mtu', options['mtu']] : []
  const added = await ip(host, ['link', 'add', name, 'address', mac, ...mtu, 'type', 'bridge', ...(options['vlan'] ? ['vlan_filtering', '1'] : [])])
  if (added === undefined) return true
  if (added.complaint !== '') {
    log.debug(`bridge ${name} is not reserved: ${added.complaint}`)
    return !/File exists/.test(added.complaint)
  }
  for (const { subnet, gateway } of subnets) {
    // Nobody else is on a new bridge: without the duplicate check an IPv6 address is of use at once.
    if (gateway) await ip(host, ['addr', 'add', `${gateway}/${subnet.split('/')[1]}`, 'dev', name, ...(gateway.includes(':') ? ['nodad'] : [])])
  }
  // Its routes show only when it is up.
  await ip(host, ['link', 'set', name, 'up'])
  const others = hostSubnets(name)
  if (!subnets.some(({ subnet }) => others.some((other) => overlaps(other, parseSubnet(subnet)!)))) return true
  await removeBridge(host, name)
  // Two who met give way both, and not again at once.
  await sleep(Math.random() * 100)
  return false
}

/** Locally administered, of one station. */
export const randomMac = (): string => [0x02, ...randomBytes(5)].map((byte) => byte.toString(16).padStart(2, '0')).join(':')

/** The hardware address of a link of this network namespace; undefined when there is none. */
export const addressOf = (name: string): string | undefined => {
  try {
    return name === '' ? undefined : readFileSync(join('/sys/class/net', name, 'address'), 'utf8').trim()
  } catch {
    return undefined
  }
}

/** What `name` has as a bridge of the host; undefined when it is none. /sys is not asked where ip can be: it may be that of another network namespace. */
export const findBridge = async (host: Host, name: string): Promise<HostBridge | undefined> => {
  const shown = await ip(host, ['-o', 'link', 'show', 'dev', name, 'type', 'bridge'])
  if (shown === undefined ? !existsSync(join('/sys/class/net', name, 'bridge')) : shown.output.trim() === '') return undefined
  const addresses = await ip(host, ['-o', '-4', 'addr', 'show', 'dev', name])
  return { name, addresses: [...(addresses?.output ?? '').matchAll(/ inet (\S+)/g)].map(([, address]) => address!) }
}

/** Idempotent; what hinders it is warned of. Nothing but a bridge goes: the name may be another link's by now. */
export const removeBridge = async (host: Host, name: string): Promise<void> => {
  const shown = await ip(host, ['-o', 'link', 'show', 'dev', name, 'type', 'bridge'])
  if (shown === undefined) return log.warn(`bridge ${name} stays until the next boot: the program ip is missing (apt install iproute2)`)
  if (/does not exist|Cannot find device/.test(shown.complaint)) return
  if (shown.output.trim() === '') return log.warn(`interface ${name} is not removed: ${shown.complaint || 'it is no bridge'}`)
  const complaint = (await ip(host, ['link', 'delete', name]))?.complaint ?? ''
  if (complaint !== '' && !/Cannot find device/.test(complaint)) log.warn(`bridge ${name} is not removed: ${complaint}`)
}

/** What ip printed, and complained of (empty for success); undefined when it isn't installed. */
const ip = async ({ programDirs, timeoutMs }: Host, args: readonly string[]): Promise<{ output: string; complaint: string } | undefined> => {
  const file = findProgram('ip', programDirs)
  if (!file) return undefined
  const { code, stdout, stderr } = await runProgram(file, args, { env: { LC_ALL: 'C' }, timeoutMs })
  return { output: String(stdout), complaint: code === 0 ? '' : String(stderr).trim() || `exit code ${code}` }
}
