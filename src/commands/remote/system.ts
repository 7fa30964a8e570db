// A CRI runtime as a whole: what it is, and what happens in it.
import { loadConfig } from '../../config.ts'
import type { HostInfo } from '../../engine/host-info.ts'
import { Failure } from '../../errors.ts'
import type { Event, SystemActs } from '../system/acts.ts'
import type { ContainerStatus } from '../../cri/wire/generated/runtime-v1.ts'
import type { Remote } from './client.ts'
import { inspectRemote } from './inspect.ts'
import { OWN_NAME, kubeletName, listRows, toMs } from './rows.ts'

/** By ContainerEventType. */
const STATUSES = ['create', 'start', 'died', 'remove']

export const remoteSystemActs = (remote: Remote): SystemActs => ({
  inspect: inspectRemote(remote),
  events: (range) => events(remote, range),
  info: () => info(remote),
})

async function* events(remote: Remote, { untilMs }: Parameters<SystemActs['events']>[0]): AsyncGenerator<Event> {
  const { runtime, wire, signal } = remote
  const statusFor = teller(remote)
  const untilOver = untilMs === undefined ? undefined : AbortSignal.timeout(Math.max(0, Math.min(untilMs - Date.now(), LONGEST_MS)))
  const stream = runtime.stream(wire.RuntimeServiceService.getContainerEvents, {})
  const over = new Promise<'over'>((resolve) => { for (const one of [signal, ...(untilOver ? [untilOver] : [])]) one.addEventListener('abort', () => resolve('over'), { once: true }) })
  for (let seq = 1; ; seq++) {
    const next = stream.next()
    const result = await Promise.race([next, over])
    if (result === 'over') return void next.catch(() => {})
    if (result.done) return
    const { containerId, containerEventType, createdAt, containersStatuses, podSandboxStatus } = result.value
    const isPod = podSandboxStatus?.id === containerId
    const type = STATUSES[containerEventType] ?? 'unknown'
    const status = isPod ? undefined : await statusFor(containerId, containersStatuses, type)
    yield {
      seq, type: isPod ? 'pod' : 'container', status: isPod && type === 'died' ? 'stop' : type, id: containerId, timeMs: toMs(createdAt),
      name: isPod ? podSandboxStatus?.metadata?.name ?? '' : status ? status.annotations[OWN_NAME] ?? kubeletName(status, podSandboxStatus) : '', image: status?.image?.userSpecifiedImage || status?.image?.image || '',
      attributes: { ...(isPod ? podSandboxStatus?.labels : status?.labels), ...(type === 'died' && status ? { containerExitCode: String(status.exitCode) } : {}) },
    }
  }
}

type Teller = (id: string, told: readonly ContainerStatus[], type: string) => Promise<ContainerStatus | undefined>

/** CRI-O's events come without the status of their container: it is asked for, and kept for when the container is gone. */
function teller({ runtime, wire }: Remote): Teller {
  const known = new Map<string, ContainerStatus>()
  return async (id, told, type) => {
    const last = known.get(id)
    const status = told.find((one) => one.id === id) ?? (type === 'remove' ? last : await statusNow(id) ?? last)
    if (type === 'remove') known.delete(id)
    else if (status) known.set(id, status)
    return status
  }
  async function statusNow(containerId: string): Promise<ContainerStatus | undefined> {
    try {
      return (await runtime.call(wire.RuntimeServiceService.containerStatus, wire.ContainerStatusRequest.fromPartial({ containerId }))).status
    } catch {
      return undefined
    }
  }
}

/** What a timer of Node can hold. */
const LONGEST_MS = 2 ** 31 - 1

export interface RuntimeVersion { readonly runtimeName: string; readonly runtimeVersion: string; readonly runtimeApiVersion: string }

export async function runtimeVersion({ runtime, wire, address }: Remote): Promise<RuntimeVersion> {
  const answer = await runtime.call(wire.RuntimeServiceService.version, wire.VersionRequest.fromPartial({ version: '0.1.0' }))
  if (answer.runtimeName === '') throw new Failure('unsupported', `the runtime at ${address} does not say what it is`)
  return answer
}

const NOWHERE: Omit<HostInfo, 'conmon' | 'runtime' | 'store'> = {
  arch: '', cgroup: { version: 2, manager: '', controllers: [] }, cpus: 0, distribution: { name: '', version: '', codename: '' }, hostname: '', kernel: '', memoryFreeBytes: 0, memoryTotalBytes: 0,
  swapFreeBytes: 0, swapTotalBytes: 0, uptimeSeconds: 0, security: { apparmor: false, seccomp: false, selinux: false, rootless: false, capabilities: [] },
}

async function info(remote: Remote): Promise<unknown> {
  const { runtime, wire, address, isHere } = remote
  const [version, rows, { images }, space] = await Promise.all([
    runtimeVersion(remote), listRows(remote), runtime.call(wire.ImageServiceService.listImages, wire.ListImagesRequest.fromPartial({})),
    runtime.call(wire.ImageServiceService.imageFsInfo, {}).catch(() => undefined),
  ])
  const [{ machineInfo }, { infoView }, { programVersion }] = await Promise.all([import('../../engine/host-info.ts'), import('../system/info-view.ts'), import('../system/program-version.ts')])
  const running = rows.filter(({ phase }) => phase === 'running').length
  const fileSystem = space?.imageFilesystems[0]
  return infoView({
    ...(isHere ? machineInfo(loadConfig()) : NOWHERE), conmon: { path: '', version: '' }, runtime: { name: version.runtimeName, path: '', version: version.runtimeVersion },
    store: {
      root: fileSystem?.fsId?.mountpoint ?? '', runRoot: '', volumePath: '', driver: '', fileSystem: '', sizeBytes: 0, usedBytes: Number(fileSystem?.usedBytes?.value ?? 0n),
      containers: { total: rows.length, running, paused: 0, stopped: rows.length - running }, images: images.length,
    },
  }, { version: programVersion(), logDriver: 'k8s-file', registries: {}, remote: address })
}
