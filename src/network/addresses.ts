// Arithmetic on IP addresses and subnets. Addresses are bigints beside their family, so that both families go one way.
import { isIP } from '../ip.ts'

export interface Address { readonly family: 4 | 6; readonly value: bigint }
export interface Subnet { readonly family: 4 | 6; readonly base: bigint; readonly prefix: number }

const BITS = { 4: 32, 6: 128 } as const

/** Absent when `text` is no IP address. Zones (`%eth0`) are refused. */
export const parseAddress = (text: string): Address | undefined => {
  const family = text.includes('%') ? 0 : isIP(text)
  if (family === 4) return { family, value: fromDotted(text) }
  return family === 6 ? { family, value: fromColons(text) } : undefined
}

/** `10.1.2.3/24` gives the subnet 10.1.2.0/24; absent when `text` isn't CIDR. */
export const parseSubnet = (text: string): Subnet | undefined => {
  const [, host = '', length = ''] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? []
  const address = parseAddress(host)
  const prefix = Number(length)
  if (!address || prefix > BITS[address.family]) return undefined
  return { family: address.family, base: address.value & mask(address.family, prefix), prefix }
}

export const formatAddress = ({ family, value }: Address): string => (family === 4 ? toDotted(value) : toColons(value))

export const formatSubnet = ({ family, base, prefix }: Subnet): string => `${formatAddress({ family, value: base })}/${prefix}`

export const contains = (subnet: Subnet, address: Address): boolean =>
  subnet.family === address.family && (address.value & mask(subnet.family, subnet.prefix)) === subnet.base

export const overlaps = (a: Subnet, b: Subnet): boolean =>
  a.family === b.family && (contains(a, { family: b.family, value: b.base }) || contains(b, { family: a.family, value: a.base }))

/** The first address after the subnet's own. */
export const firstHost = ({ family, base }: Subnet): Address => ({ family, value: base + 1n })

export const lastAddress = ({ family, base, prefix }: Subnet): Address => ({ family, value: base + size(family, prefix) - 1n })

/** The subnet of the same length that follows. */
export const nextSubnet = (subnet: Subnet): Subnet => ({ ...subnet, base: subnet.base + size(subnet.family, subnet.prefix) })

const size = (family: 4 | 6, prefix: number): bigint => 1n << BigInt(BITS[family] - prefix)
const mask = (family: 4 | 6, prefix: number): bigint => (1n << BigInt(BITS[family])) - size(family, prefix)

const fromDotted = (text: string): bigint => text.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n)

const toDotted = (value: bigint): string => [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.')

const fromColons = (text: string): bigint => {
  const hex = text.replace(/[\d.]+$/, (tail) => (tail.includes('.') ? groupsOf(fromDotted(tail)) : tail))
  const [head = '', tail] = hex.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length
  return [...left, ...Array<string>(zeros).fill('0'), ...right].reduce((sum, group) => (sum << 16n) + BigInt(`0x${group}`), 0n)
}

const groupsOf = (ipv4: bigint): string => `${(ipv4 >> 16n).toString(16)}:${(ipv4 & 0xffffn).toString(16)}`

/** RFC 5952: the longest run of two or more zero groups becomes `::`. */
const toColons = (value: bigint): string => {
  const groups = Array.from({ length: 8 }, (_, index) => ((value >> BigInt(112 - 16 * index)) & 0xffffn).toString(16))
  const runs = [...groups.join(':').matchAll(/(?:^|:)(0(?::0)+)(?=:|$)/g)].map(([, run]) => run!)
  const longest = runs.reduce((best, run) => (run.length > best.length ? run : best), '')
  const text = groups.join(':')
  if (longest === '') return text
  const at = `:${text}:`.indexOf(`:${longest}:`)
  return `${text.slice(0, at).replace(/:$/, '')}::${text.slice(at + longest.length).replace(/^:/, '')}`
}
