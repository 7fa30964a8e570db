import { Failure } from '../errors.ts'
import type { ResolvedNamespace, ResolvedNamespaces } from './namespaces.ts'
import type { Pairs } from './request.ts'

const OF_IPC = /^(kernel\.(msgmax|msgmnb|msgmni|sem|shmall|shmmax|shmmni|shm_rmid_forced)$|fs\.mqueue\.)/
const OF_UTS = /^kernel\.(hostname|domainname)$/
const OF_NET = /^net\./

/** Sysctls in namespaces of the container's own. One of the request that would change the host is refused, a default left out. */
export function resolveSysctls(requested: Pairs, defaults: Pairs, namespaces: ResolvedNamespaces): Record<string, string> {
  const result: Record<string, string> = {}
  for (const [name, value] of defaults) if (!reasonAgainst(name, namespaces)) result[name] = value
  for (const [name, value] of requested) {
    const reason = reasonAgainst(name, namespaces)
    if (reason) throw new Failure('invalid', `sysctl ${name}=${value} can't be set: ${reason}`)
    result[name] = value
  }
  return result
}

function reasonAgainst(name: string, { ipc, network, uts }: ResolvedNamespaces): string | undefined {
  const dotted = withDots(name)
  if (OF_IPC.test(dotted)) return shared(ipc, 'IPC')
  if (OF_NET.test(dotted)) return shared(network, 'network')
  if (OF_UTS.test(dotted)) return shared(uts, 'UTS')
  return 'it holds for the whole machine, not for one container'
}

const shared = (namespace: ResolvedNamespace, name: string): string | undefined =>
  (namespace.kind === 'host' ? `the container shares the host's ${name} namespace` : undefined)

/** Both spellings of sysctl(8): in net/ipv4/conf/eth0.1/forwarding a dot belongs to a name. */
const withDots = (name: string): string => (/^[^./]*\//.test(name) ? name.replace(/[./]/g, (sign) => (sign === '/' ? '.' : '/')) : name)
