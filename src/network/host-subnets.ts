// What the host already routes: a new network must keep away from it.
import { readFileSync, readdirSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'

import { parseSubnet } from './addresses.ts'
import type { Subnet } from './addresses.ts'

/** Subnets of the addresses and routes of this network namespace, but those of `except`; default routes don't count. */
export const hostSubnets = (except?: string): Subnet[] => {
  const addresses = Object.entries(networkInterfaces()).filter(([name]) => name !== except).flatMap(([, entries]) => (entries ?? []).flatMap(({ cidr }) => (cidr ? parseSubnet(cidr) ?? [] : [])))
  return [...addresses, ...ipv4Routes(except), ...ipv6Routes(except)].filter(({ prefix }) => prefix > 0)
}

/** Names of this namespace's interfaces, up or not. */
export const hostInterfaces = (): Set<string> =>
  new Set(procLines('/proc/net/dev').slice(2).map((line) => line.split(':')[0]!.trim()))

/** Subnets in the network files of podman's own backend, whose bridges exist only while something uses them. */
export const reservedSubnets = (dirs: readonly string[]): Subnet[] =>
  dirs.flatMap((dir) => names(dir).filter((name) => name.endsWith('.json')).flatMap((name) => {
    const text = read(join(dir, name)).slice(0, 1 << 20)
    return [...text.matchAll(/"subnet"\s*:\s*"([^"]+)"/g)].flatMap(([, subnet]) => parseSubnet(subnet!) ?? [])
  }))

/** /proc/net/route: hexadecimal words in the byte order of the machine, little endian on all that Node runs on. */
const ipv4Routes = (except?: string): Subnet[] => procLines('/proc/net/route').slice(1).flatMap((line) => {
  const fields = line.split('\t')
  if (fields[0] === except) return []
  const [base, mask] = [swapped(fields[1]), swapped(fields[7])]
  const prefix = mask.toString(2).replaceAll('0', '').length
  return [{ family: 4 as const, base: base & mask, prefix }]
})

const ipv6Routes = (except?: string): Subnet[] => procLines('/proc/net/ipv6_route').flatMap((line) => {
  const [base, prefix, , , , , , , , device] = line.trim().split(/\s+/)
  if (device === 'lo' || device === except || /^f[ef]/.test(base!)) return []
  return [{ family: 6 as const, base: BigInt(`0x${base}`), prefix: Number.parseInt(prefix!, 16) }]
})

const swapped = (hex = '0'): bigint => BigInt(`0x${(hex.match(/../g) ?? ['0']).reverse().join('')}`)

const procLines = (file: string): string[] => read(file).split('\n').filter((line) => line !== '')

const read = (file: string): string => {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}

const names = (dir: string): string[] => {
  try {
    return readdirSync(dir)
  } catch {
    return []
  }
}
