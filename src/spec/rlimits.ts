import { Failure } from '../errors.ts'
import type { HostFacts } from './host-facts.ts'
import type { OciRlimit } from './oci-spec.ts'
import type { Rlimit } from './request.ts'

const NAMES = new Set(('AS CORE CPU DATA FSIZE LOCKS MEMLOCK MSGQUEUE NICE NOFILE NPROC RSS RTPRIO RTTIME SIGPENDING STACK').split(' ').map((name) => `RLIMIT_${name}`))

/** -1 is unlimited in requests and facts; in the specification it is the largest 64-bit number, written by `specText`. */
const fromRequest = (limit: number): number => (limit < 0 || limit >= 2 ** 63 ? Infinity : limit)

/** Limits by type: the request's win over the defaults. None is above what the caller may set. */
export function resolveRlimits(requested: readonly Rlimit[], defaults: readonly Rlimit[], host: HostFacts): { rlimits: OciRlimit[]; warnings: string[] } {
  const warnings: string[] = []
  const byType = new Map([...defaults, ...requested].map((limit) => [nameOf(limit.type), limit]))
  const rlimits = [...byType].map(([type, limit]) => {
    const soft = fromRequest(limit.soft)
    const hard = fromRequest(limit.hard)
    if (soft > hard) throw new Failure('invalid', `ulimit ${type}: the soft limit ${limit.soft} is above the hard limit ${limit.hard}`)
    const ceiling = ceilingOf(type, host)
    if (hard > ceiling && requested.includes(limit)) warnings.push(`ulimit ${type} lowered to ${ceiling}: more needs CAP_SYS_RESOURCE`)
    return { type, soft: Math.min(soft, ceiling), hard: Math.min(hard, ceiling) }
  })
  return { rlimits, warnings }
}

const nameOf = (type: string): string => {
  const name = type.toUpperCase().startsWith('RLIMIT_') ? type.toUpperCase() : `RLIMIT_${type.toUpperCase()}`
  if (NAMES.has(name)) return name
  throw new Failure('invalid', `unknown ulimit '${type}'`, { hint: 'see getrlimit(2) for the names' })
}

const ceilingOf = (type: string, host: HostFacts): number => {
  const own = host.rlimits.find((limit) => limit.type === type)
  return !own || host.boundingCapabilities.includes('SYS_RESOURCE') ? Infinity : fromRequest(own.hard)
}
