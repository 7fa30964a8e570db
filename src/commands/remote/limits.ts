// What a container of a CRI runtime may use: as its status says, or, of runtimes older than that (CRI 1.25), as its
// OCI specification does.
import type { ContainerRequest } from '../../spec/request.ts'
import type { Status } from './rows.ts'

type Numbers = Readonly<Record<string, unknown>> | undefined

export function limitsOf({ status, told }: Pick<Status, 'status' | 'told'>): ContainerRequest['resources'] {
  const limits = status.resources?.linux
  if (limits) {
    return known({
      memoryBytes: limits.memoryLimitInBytes, memorySwapBytes: limits.memorySwapLimitInBytes, cpuShares: limits.cpuShares, cpuQuotaUs: limits.cpuQuota, cpuPeriodUs: limits.cpuPeriod,
      cpusetCpus: limits.cpusetCpus, cpusetMems: limits.cpusetMems,
    })
  }
  const { memory, cpu } = (told.runtimeSpec?.linux?.['resources'] ?? {}) as { readonly memory?: Numbers; readonly cpu?: Numbers }
  return known({
    memoryBytes: memory?.['limit'], memorySwapBytes: memory?.['swap'], cpuShares: cpu?.['shares'], cpuQuotaUs: cpu?.['quota'], cpuPeriodUs: cpu?.['period'], cpusetCpus: cpu?.['cpus'], cpusetMems: cpu?.['mems'],
  })
}

/** Without what is not set: 0, less than that, or no text. */
const known = (values: Readonly<Record<string, unknown>>): ContainerRequest['resources'] =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => (typeof value === 'string' ? value !== '' : Number(value) > 0)).map(([name, value]) => [name, typeof value === 'bigint' ? Number(value) : value])) as ContainerRequest['resources']
