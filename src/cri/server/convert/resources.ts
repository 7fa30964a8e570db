import type { ContainerRequest, Resources } from '../../../spec/request.ts'
import type { LinuxContainerResources } from '../../wire/generated/runtime-v1.ts'

/** 0 means "not said" for every number. Without a word on swap a memory limit holds for both: Kubernetes counts without it. */
export function resourcesOf(linux: LinuxContainerResources | undefined): Resources {
  if (!linux) return { pidsLimit: 0 }
  const number = (value: bigint): number | undefined => (value === 0n ? undefined : Number(value))
  const [memory, swap] = [number(linux.memoryLimitInBytes), number(linux.memorySwapLimitInBytes)]
  const hugepages = linux.hugepageLimits.filter(({ limit }) => limit > 0n).map(({ pageSize, limit }) => ({ pageSize, limitBytes: Number(limit) }))
  const given: Record<string, unknown> = {
    cpuPeriodUs: number(linux.cpuPeriod), cpuQuotaUs: number(linux.cpuQuota), cpuShares: number(linux.cpuShares),
    memoryBytes: memory, memorySwapBytes: swap ?? memory,
    cpusetCpus: linux.cpusetCpus || undefined, cpusetMems: linux.cpusetMems || undefined,
    hugepageLimits: hugepages.length ? hugepages : undefined,
    unified: Object.keys(linux.unified).length ? Object.entries(linux.unified) : undefined,
  }
  // The kubelet limits processes by the pod's cgroup, not by ours.
  return { pidsLimit: 0, ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) }
}

export const oomScoreOf = (linux: LinuxContainerResources | undefined): Pick<ContainerRequest, 'oomScoreAdj'> =>
  (linux ? { oomScoreAdj: Number(linux.oomScoreAdj) } : {})
