import type { InterfaceUsage, PressurePair, Usage } from '../../../engine/pod-usage.ts'
import type { ContainerStats, CpuUsage, DeepPartial, IoUsage, MemoryUsage, NetworkUsage, PsiStats } from '../../wire/generated/runtime-v1.ts'
import { nanoseconds } from './times.ts'

const counted = (value: number | bigint): { value: bigint } => ({ value: BigInt(value) })

const psi = (pressure: PressurePair | undefined): { psi?: DeepPartial<PsiStats> } => {
  const of = ({ total, avg10, avg60, avg300 }: PressurePair['some']) => ({ Total: BigInt(total), Avg10: avg10, Avg60: avg60, Avg300: avg300 })
  return pressure ? { psi: { Full: of(pressure.full), Some: of(pressure.some) } } : {}
}

/** @param nanoCores of the time since the sample before; absent with the first */
export const cpuOf = ({ timeMs, cpuNs, pressure }: Usage, nanoCores: bigint | undefined): DeepPartial<CpuUsage> =>
  ({ timestamp: nanoseconds(timeMs), usageCoreNanoSeconds: { value: cpuNs }, ...(nanoCores === undefined ? {} : { usageNanoCores: { value: nanoCores } }), ...psi(pressure.cpu) })

export const memoryOf = ({ timeMs, memory, pressure }: Usage): DeepPartial<MemoryUsage> => ({
  timestamp: nanoseconds(timeMs), workingSetBytes: counted(memory.workingSetBytes), usageBytes: counted(memory.usageBytes), rssBytes: counted(memory.rssBytes),
  pageFaults: counted(memory.pageFaults), majorPageFaults: counted(memory.majorPageFaults),
  ...(memory.limitBytes === undefined ? {} : { availableBytes: counted(Math.max(0, memory.limitBytes - memory.workingSetBytes)) }), ...psi(pressure.memory),
})

export const ioOf = ({ timeMs, pressure }: Usage): DeepPartial<IoUsage> => ({ timestamp: nanoseconds(timeMs), ...psi(pressure.io) })

export interface WritableUse { readonly timeMs: number; readonly mountpoint: string; readonly bytes: number; readonly inodes: number }

export function statsOf(attributes: DeepPartial<ContainerStats>['attributes'], { usage, nanoCores, writable }: { usage: Usage | undefined; nanoCores: bigint | undefined; writable: WritableUse }): DeepPartial<ContainerStats> {
  const layer = { timestamp: nanoseconds(writable.timeMs), fsId: { mountpoint: writable.mountpoint }, usedBytes: counted(writable.bytes), inodesUsed: counted(writable.inodes) }
  if (!usage) return { attributes, writableLayer: layer }
  const timestamp = nanoseconds(usage.timeMs)
  return {
    attributes, writableLayer: layer, cpu: cpuOf(usage, nanoCores), memory: memoryOf(usage),
    swap: { timestamp, swapUsageBytes: counted(usage.swap.usageBytes), swapAvailableBytes: counted(usage.swap.availableBytes) },
    ...(usage.pressure.io ? { io: ioOf(usage) } : {}),
  }
}

/**
 * Undefined without any interface, as when the process that was looked at has just ended: kubelets take none without a default.
 * @param own of the pod's network; the kernel may put tunnels of its own before it
 */
export function networkOf(interfaces: readonly InterfaceUsage[], own: string | undefined): DeepPartial<NetworkUsage> | undefined {
  const main = interfaces.find(({ name }) => name === own) ?? interfaces[0]
  return main && { timestamp: nanoseconds(Date.now()), defaultInterface: interfaceOf(main), interfaces: interfaces.filter((each) => each !== main).map(interfaceOf) }
}

const interfaceOf = ({ name, rxBytes, rxErrors, txBytes, txErrors }: InterfaceUsage) =>
  ({ name, rxBytes: counted(rxBytes), rxErrors: counted(rxErrors), txBytes: counted(txBytes), txErrors: counted(txErrors) })
