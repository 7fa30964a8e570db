// Limits: throttles, weights, ulimits, and the flags that are numbers already.
import { parseSize } from '../../../cli/value.ts'
import { log } from '../../../log.ts'
import type { Resources, Rlimit, Throttle } from '../../../spec/request.ts'
import type { CreateValues } from '../options/create-options.ts'
import { parseAssignments } from './pairs.ts'
import { invalid } from './words.ts'

const RLIMITS = ['as', 'core', 'cpu', 'data', 'fsize', 'locks', 'memlock', 'msgqueue', 'nice', 'nofile', 'nproc', 'rss', 'rtprio', 'rttime', 'sigpending', 'stack']
const UNLIMITED = -1

/** `nofile=1024:2048`, `nproc=-1`; `host` gives an empty list. @throws Failure invalid */
export function parseUlimits(texts: readonly string[]): Rlimit[] {
  if (texts.includes('host')) return []
  return texts.map((text) => {
    const match = /^(?:RLIMIT_)?(\w+)=(-?\d+|unlimited)(?::(-?\d+|unlimited))?$/i.exec(text)
    if (!match) throw invalid('--ulimit', text, 'expected NAME=SOFT[:HARD] or host')
    const name = match[1]!.toLowerCase()
    if (!RLIMITS.includes(name)) throw invalid('--ulimit', text, `unknown limit "${name}": use one of ${RLIMITS.join(', ')}`)
    const read = (value: string): number => (value.toLowerCase() === 'unlimited' ? UNLIMITED : Number(value))
    const [soft, hard] = [read(match[2]!), read(match[3] ?? match[2]!)]
    if (![soft, hard].every((limit) => limit === UNLIMITED || (Number.isSafeInteger(limit) && limit >= 0))) throw invalid('--ulimit', text, 'expected limits from 0 to 2^53-1, or unlimited')
    if (hard !== UNLIMITED && (soft > hard || soft === UNLIMITED)) throw invalid('--ulimit', text, `the soft limit ${match[2]} is above the hard limit ${match[3] ?? match[2]}`)
    return { type: `RLIMIT_${name.toUpperCase()}`, soft, hard }
  })
}

function parseThrottle(flag: string, text: string, inBytes: boolean): Throttle {
  const colon = text.lastIndexOf(':')
  const path = text.slice(0, colon)
  if (colon < 0 || !path.startsWith('/')) throw invalid(flag, text, 'expected /dev/PATH:RATE')
  const rate = text.slice(colon + 1)
  try {
    if (!inBytes && !/^\d+$/.test(rate)) throw new Error('expected a number')
    return { path, rate: inBytes ? parseSize(rate) : Number(rate) }
  } catch (error) {
    throw invalid(flag, text, `rate "${rate}": ${(error as Error).message}`)
  }
}

const between = (flag: string, value: number | undefined, [low, high]: readonly [number, number]): void => {
  if (value !== undefined && (value < low || value > high)) throw invalid(flag, String(value), `it must be between ${low} and ${high}`)
}

const MIN_MEMORY = 4 * 1024 * 1024

/** @throws Failure invalid */
export function toResources(values: CreateValues): Resources {
  check(values)
  if (values.kernelMemory !== undefined) log.warn('--kernel-memory ignored: the kernel has no such limit any more')
  const throttles = (flag: string, texts: readonly string[], inBytes: boolean) => texts.map((text) => parseThrottle(flag, text, inBytes))
  const weights = values.blkioWeightDevice.map((text) => {
    const { path, rate } = parseThrottle('--blkio-weight-device', text, false)
    between('--blkio-weight-device', rate, [10, 1000])
    return { path, weight: rate }
  })
  return defined({
    memoryBytes: values.memory || undefined, memorySwapBytes: values.memorySwap, memoryReservationBytes: values.memoryReservation,
    memorySwappiness: values.memorySwappiness, oomKillDisable: values.oomKillDisable || undefined,
    cpuShares: values.cpuShares, cpuQuotaUs: values.cpuQuota, cpuPeriodUs: values.cpuPeriod, cpuRtPeriodUs: values.cpuRtPeriod,
    cpuRtRuntimeUs: values.cpuRtRuntime, cpus: values.cpus, cpusetCpus: values.cpusetCpus, cpusetMems: values.cpusetMems,
    pidsLimit: values.pidsLimit, blkioWeight: values.blkioWeight, blkioWeightDevice: filled(weights),
    readBps: filled(throttles('--device-read-bps', values.deviceReadBps, true)), writeBps: filled(throttles('--device-write-bps', values.deviceWriteBps, true)),
    readIops: filled(throttles('--device-read-iops', values.deviceReadIops, false)), writeIops: filled(throttles('--device-write-iops', values.deviceWriteIops, false)),
    unified: filled(parseAssignments(values.cgroupConf, '--cgroup-conf')), deviceCgroupRules: filled(values.deviceCgroupRule.map(checkRule)), rdtClass: values.rdtClass,
  })
}

function check(values: CreateValues): void {
  if (values.memory && values.memory < MIN_MEMORY) throw invalid('--memory', String(values.memory), 'a container needs at least 4m')
  if (values.memorySwap !== undefined && values.memorySwap !== -1) {
    if (!values.memory) throw invalid('--memory-swap', String(values.memorySwap), 'it needs --memory too')
    if (values.memorySwap < values.memory) throw invalid('--memory-swap', String(values.memorySwap), 'it counts memory and swap together, so it must not be below --memory')
  }
  if (values.memoryReservation !== undefined && values.memory && values.memoryReservation > values.memory) {
    throw invalid('--memory-reservation', String(values.memoryReservation), 'it must not be above --memory')
  }
  if (values.cpus !== undefined && (values.cpuQuota !== undefined || values.cpuPeriod !== undefined)) {
    throw invalid('--cpus', String(values.cpus), 'it sets --cpu-period and --cpu-quota itself')
  }
  // The kernel's own bounds, of which it says only "invalid argument". 0: unset.
  if (values.cpus && values.cpus < 0.01) throw invalid('--cpus', String(values.cpus), 'it must be at least 0.01')
  if (values.cpuPeriod) between('--cpu-period', values.cpuPeriod, [1000, 1_000_000])
  if (values.cpuQuota && values.cpuQuota > 0 && values.cpuQuota < 1000) throw invalid('--cpu-quota', String(values.cpuQuota), 'it must be at least 1000, or -1 for none')
  if (values.memorySwappiness !== -1) between('--memory-swappiness', values.memorySwappiness, [0, 100])
  if (values.blkioWeight !== 0) between('--blkio-weight', values.blkioWeight, [10, 1000])
  between('--oom-score-adj', values.oomScoreAdj, [-1000, 1000])
  for (const [flag, list] of [['--cpuset-cpus', values.cpusetCpus], ['--cpuset-mems', values.cpusetMems]] as const) {
    if (list !== undefined && !/^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(list)) throw invalid(flag, list, 'expected a list such as 0-2,4')
  }
}

const checkRule = (text: string): string => {
  if (!/^[acb] (\d+|\*):(\d+|\*) [rwm]{1,3}$/.test(text)) throw invalid('--device-cgroup-rule', text, 'expected "TYPE MAJOR:MINOR MODE" such as "c 1:3 rwm"')
  return text
}

const filled = <T>(list: readonly T[]): readonly T[] | undefined => (list.length === 0 ? undefined : list)

/** Leaves out what is undefined. */
export const defined = <T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never
