import { log } from '../log.ts'
import type { Resources } from '../spec/request.ts'
import type { OciResources } from '../spec/oci-spec.ts'
import { buildResources } from '../spec/resources.ts'
import { Failure, isFailure } from '../errors.ts'
import { groupPath } from './cgroup-path.ts'
import { withContainerLock } from './container-lock.ts'
import type { Engine } from './engine.ts'
import { findContainer } from './find-container.ts'
import { gatherHostFacts } from './gather-host-facts.ts'
import { cgroupSetting, cgroupUsage } from './pod-usage.ts'

/**
 * Changes limits in place; what isn't named stays. One that was not started yet gets them at its start.
 * @param source the caller's own words of all limits that hold then
 * @throws wrongState when it has ended, and what the runtime says: then nothing was changed
 */
export async function updatePodContainer(engine: Engine, id: string, { resources, source }: { resources: Resources; source: string }): Promise<void> {
  await withContainerLock(engine, id, async () => {
    const { phase, name } = await findContainer(engine, id)
    if (phase === 'exited' || phase === 'removing') throw new Failure('wrongState', `container ${name} has ended: its limits cannot be changed`)
    if (phase !== 'created') await applyLimits(engine, id, resources)
    await engine.state.containers.change({ id, status: { updated: source } })
  })
}

/** In the running container's cgroup. */
export async function applyLimits(engine: Engine, id: string, resources: Resources): Promise<void> {
  const { record, status } = await findContainer(engine, id)
  const host = gatherHostFacts({ devices: false, selinux: false })
  const { memory, cpu, unified, hugepageLimits = [] } = buildResources({ resources, defaultPidsLimit: 0, host, blockDevices: new Map(), deviceRules: [] }, (text) => log.warn(text))
  const isV2 = host.cgroup.version === 2
  // Runtimes change no limits of huge pages, but on cgroup v2 any file by its name.
  const files = { ...(isV2 ? Object.fromEntries(hugepageLimits.map(({ pageSize, limit }) => [`hugetlb.${pageSize}.max`, String(limit)])) : {}), ...unified }
  const limits: Limits = { ...(memory ? { memory } : {}), ...(cpu ? { cpu } : {}), ...(Object.keys(files).length > 0 ? { unified: files } : {}) }
  if (Object.keys(limits).length === 0) return
  const group = isV2 && status.cgroupPath !== undefined ? groupPath(status.cgroupPath) : undefined
  if (group !== undefined) needRoom(group, limits)
  const runtime = await engine.runtime(record.runtime.path)
  const before = group === undefined ? {} : heldLimits(group, limits)
  await runtime.update(id, limits).catch(async (error: unknown) => {
    // Some files were written before the one that the kernel refused.
    if (Object.keys(before).length > 0 && !isFailure(error, 'unsupported')) await runtime.update(id, { unified: before }).catch((failed: unknown) => { log.warn(`container ${id.slice(0, 12)} has some of the limits that were refused: ${failed instanceof Error ? failed.message : failed}`) })
    throw error
  })
}

type Limits = Pick<OciResources, 'memory' | 'cpu' | 'unified'>

/** cgroup v1 refuses a limit below what is in use, cgroup v2 kills. @throws invalid */
function needRoom(group: string, { memory }: Limits): void {
  const used = cgroupUsage(group)?.memory.workingSetBytes ?? 0
  if (memory?.limit !== undefined && memory.limit > 0 && memory.limit < used) throw new Failure('invalid', `the memory limit of ${memory.limit} bytes is too low: ${used} are in use`)
}

/** The files of cgroup v2 that `limits` are about, as they are. */
function heldLimits(group: string, { memory, cpu, unified }: Limits): Record<string, string> {
  const names = [...(memory ? ['memory.max', 'memory.swap.max', 'memory.low'] : []), ...(cpu ? ['cpu.max', 'cpu.weight', 'cpuset.cpus', 'cpuset.mems'] : []), ...Object.keys(unified ?? {})]
  return Object.fromEntries(names.flatMap((name) => {
    const value = cgroupSetting(group, name)
    return value === undefined || value === '' || value.includes('\n') ? [] : [[name, value]]
  }))
}
