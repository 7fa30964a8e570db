// Host ports for publishing. Traffic reaches a container through DNAT, which acts before any socket does. Two containers
// are kept apart by the state's rows, a container from a program of the host by this probe at its start, and a program
// that comes later by the sockets of hold-ports.ts.

import { Failure } from '../errors.ts'
import { isIPv6 } from '../ip.ts'
import type { PortRequest } from '../spec/request.ts'
import { probePort } from '../sys/addon.ts'
import { portOwner, sctpPorts } from './port-owner.ts'

export type Protocol = PortRequest['protocol']

/** Whether some container has the port: asked of the state, whose rows are the truth for published ports. */
export type IsPublished = (port: { readonly hostIp: string; readonly port: number; readonly protocol: Protocol }) => boolean

const MAX_PORT = 65535
const RANDOM_ATTEMPTS = 64

/**
 * Binds and closes. Throws Failure inUse that names who has it, `invalid` for an address this host doesn't have, and
 * `denied`. No `ip`: every address of both families.
 */
export const assertPortFree = async ({ port, protocol, ip: hostIp = '' }: { readonly port: number; readonly protocol: Protocol; readonly ip?: string }): Promise<void> => {
  if (protocol === 'sctp') {
    if (sctpPorts().has(port)) throw inUse(port, protocol, hostIp)
    return
  }
  const addresses = hostIp === '' ? ['0.0.0.0', '::'] : [hostIp]
  for (const address of addresses) {
    try {
      probePort(address, port, protocol)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      // A host without IPv6 has nothing to conflict with there.
      if (hostIp === '' && address === '::' && (code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL')) continue
      throw translated(error as NodeJS.ErrnoException, { port, protocol, hostIp })
    }
  }
}

/**
 * Chooses host ports for those that have none and probes the rest. `isPublished` is asked first, so that a conflict
 * with another container is the caller's to name. Ranges without a host port get consecutive ones.
 */
export const allocatePorts = async (ports: readonly PortRequest[], isPublished: IsPublished = () => false): Promise<PortRequest[]> => {
  const chosen: PortRequest[] = []
  for (const port of ports) {
    const isTaken: IsPublished = (wanted) => isPublished(wanted) || chosen.some((other) => collides(other, wanted))
    chosen.push(port.hostPort === 0 ? { ...port, hostPort: await freePort({ ...port, ip: port.hostIp ?? '' }, isTaken) } : await probed(port, isTaken))
  }
  return chosen
}

const probed = async (request: PortRequest, isTaken: IsPublished): Promise<PortRequest> => {
  const { hostPort, containerPort, count, protocol, hostIp = '' } = request
  if (hostPort + count - 1 > MAX_PORT || containerPort + count - 1 > MAX_PORT) {
    throw new Failure('invalid', `port range ${hostPort}-${hostPort + count - 1} goes beyond ${MAX_PORT}`)
  }
  for (let port = hostPort; port < hostPort + count; port += 1) {
    if (isTaken({ port, protocol, hostIp })) throw new Failure('inUse', `port ${port}/${protocol} on ${shown(hostIp)} is already in use by another container`)
    await assertPortFree({ port, protocol, ip: hostIp })
  }
  return request
}

const collides = (other: PortRequest, { port, protocol, hostIp }: Parameters<IsPublished>[0]): boolean =>
  other.protocol === protocol && port >= other.hostPort && port < other.hostPort + other.count && sameAddress(other.hostIp ?? '', hostIp)

/** A wildcard meets every address of its family, and no address at all meets both. */
export const sameAddress = (a: string, b: string): boolean => {
  const isWild = (address: string) => address === '' || address === '0.0.0.0' || address === '::'
  const sameFamily = a === '' || b === '' || isIPv6(a) === isIPv6(b)
  return sameFamily && (a === b || isWild(a) || isWild(b))
}

/** The first of `count` consecutive ports that are free. Throws Failure inUse when luck runs out. */
export const freePort = async (request: { readonly protocol: Protocol; readonly ip?: string; readonly count: number }, isTaken: IsPublished = () => false): Promise<number> => {
  const { count, protocol, ip: hostIp = '' } = request
  for (let attempt = 0; attempt < RANDOM_ATTEMPTS; attempt += 1) {
    const first = kernelsChoice(protocol, hostIp)
    if (first + count - 1 > MAX_PORT) continue
    if (await isRunFree({ first, count, protocol, hostIp }, isTaken)) return first
  }
  throw new Failure('inUse', `no ${count === 1 ? 'free port' : `${count} free ports in a row`} found for ${protocol} on ${shown(hostIp)}`)
}

interface Run { readonly first: number; readonly count: number; readonly protocol: Protocol; readonly hostIp: string }

const isRunFree = async ({ first, count, protocol, hostIp }: Run, isTaken: IsPublished): Promise<boolean> => {
  for (let port = first; port < first + count; port += 1) {
    if (isTaken({ port, protocol, hostIp })) return false
    try {
      await assertPortFree({ port, protocol, ip: hostIp })
    } catch (error) {
      if (error instanceof Failure && error.kind === 'inUse') return false
      throw error
    }
  }
  return true
}

/** For SCTP the number that a TCP socket gets serves as well. */
const kernelsChoice = (protocol: Protocol, hostIp: string): number => {
  try {
    return probePort(hostIp || '0.0.0.0', 0, protocol === 'udp' ? 'udp' : 'tcp')
  } catch (error) {
    throw translated(error as NodeJS.ErrnoException, { port: 0, protocol, hostIp })
  }
}

const shown = (hostIp: string): string => hostIp || '0.0.0.0'

const inUse = (port: number, protocol: Protocol, hostIp: string): Failure =>
  new Failure('inUse', `port ${port}/${protocol} on ${shown(hostIp)} is already in use by ${portOwner(port, protocol) ?? 'another program'}`)

const translated = (error: NodeJS.ErrnoException, { port, protocol, hostIp }: { port: number; protocol: Protocol; hostIp: string }): Error => {
  if (error.code === 'EADDRINUSE') return inUse(port, protocol, hostIp)
  if (error.code === 'EACCES' || error.code === 'EPERM') return new Failure('denied', `port ${port}/${protocol} on ${shown(hostIp)}: not permitted to bind it`, { cause: error })
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'EINVAL') return new Failure('invalid', `cannot publish on ${hostIp}: this host has no such address`, { cause: error })
  return error
}
