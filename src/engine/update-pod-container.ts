import { log } from '../log.ts'
import type { Resources } from '../spec/request.ts'
import { buildResources } from '../spec/resources.ts'
import { Failure } from '../errors.ts'
import { withContainerLock } from './container-lock.ts'
import type { Engine } from './engine.ts'
import { findContainer } from './find-container.ts'
import { gatherHostFacts } from './gather-host-facts.ts'

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
  const { record } = await findContainer(engine, id)
  const { memory, cpu, unified } = buildResources({
    resources, defaultPidsLimit: 0, host: gatherHostFacts({ devices: false, selinux: false }), blockDevices: new Map(), deviceRules: [],
  }, (text) => log.warn(text))
  const limits = { ...(memory ? { memory } : {}), ...(cpu ? { cpu } : {}), ...(unified ? { unified } : {}) }
  if (Object.keys(limits).length > 0) await (await engine.runtime(record.runtime.path)).update(id, limits)
}
