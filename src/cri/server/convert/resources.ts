import { Failure } from '../../../errors.ts'
import type { ContainerRequest, Resources } from '../../../spec/request.ts'
import type { LinuxContainerResources } from '../../wire/generated/runtime-v1.ts'
import { needWithin } from './check.ts'

/** What the kernel takes; -1 is "unlimited". */
const LIMITS = { cpuPeriod: [1000, 1_000_000], cpuQuota: [1000, Number.MAX_SAFE_INTEGER], cpuShares: [2, 262_144], memoryLimitInBytes: [1, Number.MAX_SAFE_INTEGER], memorySwapLimitInBytes: [1, Number.MAX_SAFE_INTEGER] } as const
const UNLIMITED = new Set<keyof typeof LIMITS>(['cpuQuota', 'memoryLimitInBytes', 'memorySwapLimitInBytes'])

/** 0 means "not said" for every number. Without a word on swap a memory limit holds for both: Kubernetes counts without it. @throws invalid */
export function resourcesOf(linux: LinuxContainerResources | undefined): Resources {
  if (!linux) return { pidsLimit: 0 }
  const number = (name: keyof typeof LIMITS): number | undefined =>
    (linux[name] === 0n ? undefined : linux[name] === -1n && UNLIMITED.has(name) ? -1 : needWithin(linux[name], LIMITS[name], name))
  const [memory, swap] = [number('memoryLimitInBytes'), number('memorySwapLimitInBytes')]
  const hugepages = linux.hugepageLimits.filter(({ limit }) => limit > 0n).map(({ pageSize, limit }) => ({ pageSize: needLike(pageSize, /^\d+[KMG]B$/, 'the size of huge pages'), limitBytes: Number(limit) }))
  for (const [name, value] of Object.entries(linux.unified)) needLike(`${name}=${value}`, /^[a-z][\w]*(\.\w+)+=[^\0\n]*$/, 'a setting of cgroups')
  const given: Record<string, unknown> = {
    cpuPeriodUs: number('cpuPeriod'), cpuQuotaUs: number('cpuQuota'), cpuShares: number('cpuShares'),
    memoryBytes: memory, memorySwapBytes: swap ?? memory,
    cpusetCpus: needLike(linux.cpusetCpus, SET, 'cpusetCpus') || undefined, cpusetMems: needLike(linux.cpusetMems, SET, 'cpusetMems') || undefined,
    hugepageLimits: hugepages.length ? hugepages : undefined,
    unified: Object.keys(linux.unified).length ? Object.entries(linux.unified) : undefined,
  }
  // The kubelet limits processes by the pod's cgroup, not by ours.
  return { pidsLimit: 0, ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) }
}

const SET = /^[\d,-]*$/

function needLike(text: string, pattern: RegExp, what: string): string {
  if (!pattern.test(text)) throw new Failure('invalid', `${what} cannot be ${JSON.stringify(text.slice(0, 60))}`)
  return text
}

export const oomScoreOf = (linux: LinuxContainerResources | undefined): Pick<ContainerRequest, 'oomScoreAdj'> =>
  (linux ? { oomScoreAdj: needWithin(linux.oomScoreAdj, [-1000, 1000], 'the oom score') } : {})
