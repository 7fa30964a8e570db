import type { WindowSize } from './attach-io.ts'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { Failure, isFailure } from '../errors.ts'
import { setFileLabel } from '../fs/file-label.ts'
import { identify } from '../process/identity.ts'
import { neededContainers } from './needed-containers.ts'
import type { Container } from '../state/containers.ts'
import type { ContainerStatus } from '../state/container-status.ts'
import type { Attachment } from '../monitor/attach.ts'
import { attachToCreated } from './attach-container.ts'
import { both } from './both.ts'
import { withContainerLock } from './container-lock.ts'
import type { Engine } from './engine.ts'
import { runtimeNetwork } from './monitor-options.ts'
import { launchContainer } from './launch-container.ts'
import { needReachable, trueRow } from './find-container.ts'
import { prepareNetwork, type PreparedNetwork } from './prepare-network.ts'
import { recoverDead } from './recover.ts'
import { settleContainer } from './settle-container.ts'
import { releaseRun } from './release-run.ts'
import { containerLabels, type SelinuxLabels } from './selinux-labels.ts'
import { reportPhase } from './report-readiness.ts'
import { withUndo } from './undo.ts'
import { writeBundle } from './write-bundle.ts'

export interface StartOptions {
  /** Given the container's streams when it is created and not yet started: no byte is lost. */
  readonly attach?: (attachment: Attachment) => void
  /** The caller waits for the end and cleans up itself. */
  readonly attended?: boolean
  /** Of a terminal, from the first moment on. */
  readonly windowSize?: WindowSize
  /** false: the monitor starts nothing at the end, since a server watches. Default true. */
  readonly exitProgram?: boolean
  /** Has the last word, under the container's lock, on one that doesn't run. */
  readonly admit?: (container: Container) => Promise<void>
  /** A restart by policy: counted, and it keeps what a person said. */
  readonly restarts?: number
  readonly signal?: AbortSignal
}

/**
 * Mounts, network, spec, monitor, start. Killed at any point, the next command gives back what it had taken.
 * @throws wrongState when it runs already or is being removed; cannotInvoke, commandNotFound for the command; inUse for a port or an address
 */
export async function startContainer(engine: Engine, id: string, options: StartOptions = {}): Promise<void> {
  await recoverDead(engine)
  try {
    await startLocked(engine, id, options)
  } catch (error) {
    // A port or an address may be held by one that has ended already. Not under our lock: it may be waiting for us likewise.
    if (!isFailure(error, 'inUse')) throw error
    const [{ finishEnded }, others] = await Promise.all([import('./finish-ended.ts'), engine.state.containers.list()])
    await finishEnded(engine, others.map((row) => row.id).filter((other) => other !== id))
    // Whoever held it may have let go before that look.
    await startLocked(engine, id, options)
  }
}

async function startLocked(engine: Engine, id: string, options: StartOptions): Promise<void> {
  await withContainerLock(engine, id, async () => {
    const container = await settleContainer(engine, id)
    needReachable(container)
    if (container.phase === 'running' || container.phase === 'paused') throw new Failure('wrongState', `container ${container.name} is already ${container.phase}`)
    if (container.phase === 'removing') throw new Failure('wrongState', `container ${container.name} is being removed`)
    await options.admit?.(container)
    await startNeeded(engine, container, options)
    await startSettled(engine, container, options)
  })
}

/** The containers that it needs, as podman does. They are older than it, and so are those whose locks are waited for. */
async function startNeeded(engine: Engine, { name, podId, record }: Container, { signal }: StartOptions): Promise<void> {
  if (podId !== undefined) return
  for (const needed of neededContainers(record.request)) {
    const found = await engine.state.containers.get(needed)
    if (!found) throw new Failure('notFound', `container ${name} needs container ${needed.slice(0, 12)}, which was removed`, { hint: 'create it anew' })
    const other = trueRow(engine, found)
    if (other.phase === 'running' || other.phase === 'paused') continue
    await startContainer(engine, other.id, signal ? { signal } : {}).catch((error: unknown) => {
      if (!isFailure(error, 'wrongState')) throw error // somebody else has started it
    })
  }
}

/** The start itself, under the container's lock, of one that neither runs nor holds anything of an earlier run. */
export async function startSettled(engine: Engine, container: Container, options: StartOptions): Promise<void> {
  const { id, record } = container
  const durable = !record.request.autoRemove
  await withUndo(async (undo) => {
    const intentId = await engine.state.intents.open({ kind: 'start', target: id, owner: engine.self, data: {} }, { durable: false })
    undo('close the intent', () => engine.state.intents.close(intentId, { durable: false }))
    undo('give back what the start took', () => releaseRun(engine, container, { answered: true }))
    forgetEarlierExit(engine, id)
    const selinux = await containerLabels(engine, container)
    const [rootfsPath, network] = await both(mountRoot(engine, container, selinux), prepareNetwork(engine, container))
    const { cgroupPath, hooks } = await writeBundle(engine, { container, rootfsPath, network, selinux, ...(options.windowSize ? { windowSize: options.windowSize } : {}) })
    const launched = await launchContainer(engine, { container, attended: options.attended ?? false, exitProgram: options.exitProgram ?? true, ports: network.ports, attached: options.attach !== undefined, ...(options.signal ? { signal: options.signal } : {}) })
    options.attach?.(launched.attachment ?? await attachToCreated(engine, id, options.signal))
    await reportPhase(engine, container, { phase: 'created', monitorPid: launched.monitorPid })
    const runtime = await engine.runtime(record.runtime.path)
    const startedAtMs = Date.now() // before: what is over at once must not have ended before it began
    await runtime.start(id, { network: runtimeNetwork(record.request), hooks })
    await engine.state.containers.started({ id, intentId, status: statusOf(launched, { network, cgroupPath, options, startedAtMs }) }, { durable })
    await reportPhase(engine, container, { phase: 'running', monitorPid: launched.monitorPid })
  })
}

const statusOf = (launched: { pid: number; monitorPid: number }, { network, cgroupPath, options, startedAtMs }: { network: PreparedNetwork; cgroupPath: string | undefined; options: StartOptions; startedAtMs: number }): ContainerStatus => {
  const process = identify(launched.pid)
  const monitor = identify(launched.monitorPid)
  return {
    // The pid of one that has ended already is of no use to anybody; its exit file tells.
    ...(process ? { process } : {}), ...(monitor ? { monitor } : {}),
    startedAtMs, networks: network.attached, ports: network.ports,
    ...(network.netns ? { netns: network.netns } : {}), ...(cgroupPath ? { cgroupPath } : {}),
    ...(options.restarts !== undefined ? { restarts: options.restarts } : { restarts: 0 }),
  }
}

/** Whole, whatever its layers are labelled. */
async function mountRoot(engine: Engine, { id, record }: Container, selinux: SelinuxLabels | undefined): Promise<string> {
  const { rootfs } = record.request
  if (rootfs) return rootfs.path
  const { containers, driver } = await engine.storage()
  const root = await containers.mount(id, selinux ? { label: selinux.mountLabel } : {})
  if (selinux && driver !== 'overlay') await setFileLabel(root, selinux.mountLabel)
  return root
}

function forgetEarlierExit({ paths }: Engine, id: string): void {
  for (const file of [join(paths.exits, id), join(paths.container(id).persist, 'exit'), join(paths.container(id).persist, 'oom')]) rmSync(file, { force: true })
}
