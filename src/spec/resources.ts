import { Failure } from '../errors.ts'
import type { HostFacts } from './host-facts.ts'
import type { OciDeviceRule, OciResources, OciThrottle } from './oci-spec.ts'
import type { Resources, Throttle } from './request.ts'

const CPU_PERIOD_US = 100_000

export interface ResourceInputs {
  readonly resources: Resources
  /** Used when the request says nothing; -1 or 0 is unlimited. */
  readonly defaultPidsLimit: number
  readonly host: Pick<HostFacts, 'cgroup' | 'hugepageSizes'>
  readonly blockDevices: ReadonlyMap<string, { readonly major: number; readonly minor: number }>
  readonly deviceRules: readonly OciDeviceRule[]
}

type Warn = (text: string) => void

/** Limits in the words of the specification; the runtime turns them into v1 or v2 files. What the host can't limit is left out with a warning. */
export function buildResources(inputs: ResourceInputs, warn: Warn): OciResources {
  const { resources, host, deviceRules } = inputs
  const has = (controller: string, what: string, asked: boolean): boolean => {
    const there = host.cgroup.controllers.includes(controller)
    if (!there && asked) warn(`${what} limit ignored: this host has no ${controller} cgroup controller`)
    return there
  }
  const memory = memoryOf(resources, host, warn)
  const cpu = cpuOf(resources, host, warn)
  const blockIO = blockIoOf(inputs, warn)
  const pids = pidsOf(inputs)
  const hugepages = hugepagesOf(inputs, warn)
  return {
    devices: [...deviceRules],
    ...(memory && has('memory', 'memory', true) && { memory }),
    ...(cpu && has('cpu', 'cpu', true) && { cpu }),
    ...(pids !== undefined && has('pids', 'pids', resources.pidsLimit !== undefined) && { pids: { limit: pids } }),
    ...(blockIO && has(host.cgroup.version === 2 ? 'io' : 'blkio', 'block I/O', true) && { blockIO }),
    ...(hugepages.length && has('hugetlb', 'hugepage', true) && { hugepageLimits: hugepages }),
    ...unifiedOf(resources, host, warn),
  }
}

const filled = <T extends object>(fields: T): T | undefined => (Object.keys(fields).length ? fields : undefined)

function memoryOf(resources: Resources, { cgroup }: ResourceInputs['host'], warn: Warn): OciResources['memory'] {
  const { memoryBytes: limit, memorySwapBytes, memoryReservationBytes: reservation, memorySwappiness: swappiness } = resources
  if (memorySwapBytes !== undefined && memorySwapBytes > 0 && !limit) throw new Failure('invalid', 'a swap limit needs a memory limit too', { hint: 'give --memory with --memory-swap' })
  if (limit && memorySwapBytes !== undefined && memorySwapBytes > 0 && memorySwapBytes < limit) {
    throw new Failure('invalid', `the limit of memory plus swap (${memorySwapBytes}) is below that of memory (${limit})`)
  }
  if (limit && reservation && reservation > limit) throw new Failure('invalid', `the memory reservation (${reservation}) is above the memory limit (${limit})`)
  if (swappiness !== undefined && (swappiness < -1 || swappiness > 100)) throw new Failure('invalid', `memory swappiness ${swappiness} is out of range: it must be 0 to 100`)
  if (memorySwapBytes && !cgroup.swapAccounting) warn('swap limit ignored: the kernel counts no swap')
  const v1 = <T>(value: T | undefined, what: string): T | undefined => {
    if (value !== undefined && cgroup.version === 2) warn(`${what} ignored: cgroup v2 has no such setting`)
    return cgroup.version === 2 ? undefined : value
  }
  const swap = limit && cgroup.swapAccounting ? memorySwapBytes || 2 * limit : undefined
  const ownSwappiness = v1(swappiness === -1 ? undefined : swappiness, 'memory swappiness')
  const noOomKill = v1(resources.oomKillDisable || undefined, 'disabling the OOM killer')
  return filled({
    ...(limit && { limit }),
    ...(swap && { swap }),
    ...(reservation && { reservation }),
    ...(ownSwappiness !== undefined && { swappiness: ownSwappiness }),
    ...(noOomKill && { disableOOMKiller: true }),
  })
}

function cpuOf(resources: Resources, { cgroup }: ResourceInputs['host'], warn: Warn): OciResources['cpu'] {
  const { cpus, cpuQuotaUs, cpuPeriodUs } = resources
  if (cpus && (cpuQuotaUs || cpuPeriodUs)) throw new Failure('invalid', "--cpus can't be given together with --cpu-quota or --cpu-period")
  const realtime = resources.cpuRtPeriodUs || resources.cpuRtRuntimeUs
  if (realtime && cgroup.version === 2) warn('realtime cpu limits ignored: cgroup v2 has no such setting')
  if ((resources.cpusetCpus || resources.cpusetMems) && !cgroup.controllers.includes('cpuset')) warn('cpuset ignored: this host has no cpuset cgroup controller')
  const cpuset = cgroup.controllers.includes('cpuset')
  return filled({
    ...(resources.cpuShares && { shares: resources.cpuShares }),
    ...(cpus && { quota: Math.round(cpus * CPU_PERIOD_US), period: CPU_PERIOD_US }),
    ...(cpuQuotaUs && { quota: cpuQuotaUs }),
    ...(cpuPeriodUs && { period: cpuPeriodUs }),
    ...(realtime && cgroup.version === 1 && {
      ...(resources.cpuRtRuntimeUs && { realtimeRuntime: resources.cpuRtRuntimeUs }),
      ...(resources.cpuRtPeriodUs && { realtimePeriod: resources.cpuRtPeriodUs }),
    }),
    ...(resources.cpusetCpus && cpuset && { cpus: resources.cpusetCpus }),
    ...(resources.cpusetMems && cpuset && { mems: resources.cpusetMems }),
  })
}

function pidsOf({ resources, defaultPidsLimit }: ResourceInputs): number | undefined {
  const limit = resources.pidsLimit ?? defaultPidsLimit
  return limit > 0 ? limit : undefined
}

function blockIoOf({ resources, blockDevices, host }: ResourceInputs, warn: Warn): OciResources['blockIO'] {
  const { blkioWeight: weight, blkioWeightDevice: weights = [] } = resources
  if (weight && (weight < 10 || weight > 1000)) throw new Failure('invalid', `block I/O weight ${weight} is out of range: it must be 10 to 1000`)
  const numbers = (path: string) => {
    const found = blockDevices.get(path)
    if (!found) throw new Failure('notFound', `${path} is no block device of this host`)
    return { major: found.major, minor: found.minor }
  }
  const throttle = (key: string, list: readonly Throttle[] | undefined): Record<string, OciThrottle[]> =>
    (list?.length ? { [key]: list.map(({ path, rate }) => ({ ...numbers(path), rate })) } : {})
  const weightDevice = weights.map((each) => ({ ...numbers(each.path), weight: each.weight }))
  const isWeighed = host.cgroup.blockWeights !== false
  if (!isWeighed && (weight || weights.length > 0)) warn('block I/O weight ignored: no I/O scheduler of this host knows weights, as BFQ does')
  return filled({
    ...(weight && isWeighed && { weight }),
    ...(weightDevice.length > 0 && isWeighed && { weightDevice }),
    ...throttle('throttleReadBpsDevice', resources.readBps),
    ...throttle('throttleWriteBpsDevice', resources.writeBps),
    ...throttle('throttleReadIOPSDevice', resources.readIops),
    ...throttle('throttleWriteIOPSDevice', resources.writeIops),
  })
}

/** The kubelet sends a limit for every size it knows of, so one that is missing here is no error. */
function hugepagesOf({ resources, host }: ResourceInputs, warn: Warn): { pageSize: string; limit: number }[] {
  return (resources.hugepageLimits ?? []).flatMap(({ pageSize, limitBytes }) => {
    const size = pageSize.replace(/i?B?$/, 'B')
    if (host.hugepageSizes.includes(size)) return [{ pageSize: size, limit: limitBytes }]
    if (limitBytes > 0) warn(`hugepage limit ignored: this host has no pages of ${size}`)
    return []
  })
}

/** runc tells systemd of no limit of swap that is 0: at its next reload systemd would lift it, but for the file's own name. */
function unifiedOf({ unified = [], memoryBytes, memorySwapBytes }: Resources, { cgroup }: ResourceInputs['host'], warn: Warn): { unified?: Record<string, string> } {
  const noSwap = cgroup.version === 2 && cgroup.swapAccounting && memoryBytes !== undefined && memoryBytes > 0 && memorySwapBytes === memoryBytes
  if (noSwap) return { unified: { 'memory.swap.max': '0', ...Object.fromEntries(unified) } }
  if (!unified.length) return {}
  if (cgroup.version === 2) return { unified: Object.fromEntries(unified) }
  warn(`cgroup settings ${unified.map(([name]) => name).join(', ')} ignored: this host has cgroup v1`)
  return {}
}
