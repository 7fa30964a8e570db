// Containers of a CRI runtime: found by name, and what can be done with them.
import { existsSync, globSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { loadConfig } from '../../config.ts'
import { cgroupPids } from '../../engine/top-container.ts'
import { Failure, isFailure } from '../../errors.ts'
import type { LogLine } from '../../engine/container-logs.ts'
import type { ContainerActs, LogRange } from '../container/acts.ts'
import type { Row } from '../container/row.ts'
import type { ContainerSource } from '../container/source.ts'
import type { Remote } from './client.ts'
import { remoteImages } from './images.ts'
import { OWN_NAME, completeRows, listRows, phaseOf, statusOf } from './rows.ts'

export const remoteContainers = (remote: Remote): ContainerSource => ({
  ownsAll: true,
  list: () => listRows(remote),
  complete: (rows) => completeRows(remote, rows),
  find: async (nameOrId) => findRow(await listRows(remote), nameOrId),
  async imagesOn(text) {
    const source = remoteImages(remote)
    const base = await source.find(text).catch((error: unknown) => { if (isFailure(error, 'notFound')) return undefined; throw error })
    if (!base) return new Set()
    const isOn = (layers: readonly string[]): boolean => base.diffIds.length > 0 && base.diffIds.every((layer, at) => layers[at] === layer)
    return new Set((await source.list()).filter(({ id, diffIds }) => id === base.id || isOn(diffIds)).map(({ id }) => id))
  },
  async size(row) {
    const { wire, runtime } = remote
    const answer = await runtime.call(wire.RuntimeServiceService.containerStats, wire.ContainerStatsRequest.fromPartial({ containerId: row.id })).catch(() => undefined)
    const writable = Number(answer?.stats?.writableLayer?.usedBytes?.value ?? 0n)
    const image = row.imageId === undefined ? undefined : await remoteImages(remote).find(row.imageId).catch(() => undefined)
    return { writable, rootfs: writable + (image?.sizeBytes ?? 0) }
  },
})

/**
 * By id or whole name, then by the container's name in its pod, which only one pod may have; of its attempts the newest;
 * then by the beginning of an id.
 * @throws Failure notFound, invalid (ambiguous)
 */
export function findRow(rows: readonly Row[], text: string): Row {
  const exact = rows.find(({ id, name }) => id === text || name === text)
  if (exact) return exact
  const named = rows.filter(({ alias }) => alias === text)
  if (new Set(named.map(withoutAttempt)).size > 1) {
    throw new Failure('invalid', `more than one container is called ${text}: ${named.map(({ name }) => name).join(', ')}`, { hint: 'give its whole name, or its id' })
  }
  if (named.length > 0) return named.reduce((newest, other) => (other.createdAtMs >= newest.createdAtMs ? other : newest))
  const begun = /^[\da-f]+$/.test(text) ? rows.filter(({ id }) => id.startsWith(text)) : []
  if (begun.length > 1) throw new Failure('invalid', `more than one container has an id that starts with ${text}`, { hint: 'give more digits' })
  if (!begun[0]) throw new Failure('notFound', `no container with name or ID "${text}" found: no such container`)
  return begun[0]
}

const withoutAttempt = ({ name }: Row): string => name.replace(/_\d+$/, '')

type Acts = Pick<ContainerActs, 'containers' | 'detachKeys' | 'stop' | 'kill' | 'start' | 'remove' | 'removalWaves' | 'wait' | 'logs' | 'pids' | 'prune'>

export const remoteContainerActs = (remote: Remote): Acts => ({
  containers: remoteContainers(remote),
  detachKeys: '',
  stop: (id, { timeoutSeconds }) => stopContainer(remote, id, timeoutSeconds),
  async kill(id, signal) {
    if (signal !== KILL) throw new Failure('unsupported', '--signal cannot be expressed over the CRI (--endpoint): it can only stop a container, or kill it', { hint: 'use scow stop, or scow exec CONTAINER kill -SIGNAL 1' })
    const { status } = await statusOf(remote, id)
    if (phaseOf(status.state) !== 'running') throw new Failure('wrongState', `can only kill running containers: ${id.slice(0, 12)} is ${phaseOf(status.state)}`)
    await stopContainer(remote, id, 0)
  },
  start: (id) => startContainer(remote, id),
  remove: (id, { force, stopTimeoutSeconds }) => removeContainer(remote, id, { force, stopTimeoutSeconds }),
  removalWaves: async (chosen) => [chosen],
  async wait(id, { conditions = ['exited'], intervalMs = POLL_MS, signal }) {
    for (;;) {
      const { status } = await statusOf(remote, id)
      const phase = phaseOf(status.state)
      const isMet = (condition: string): boolean => condition === phase || (phase === 'exited' && condition === 'stopped') || (phase === 'created' && condition === 'configured')
      if (conditions.some(isMet)) return phase === 'exited' ? status.exitCode : -1
      await sleep(intervalMs, undefined, { signal }).catch(() => {})
      if (signal.aborted) return -1
    }
  },
  logs: (id, range) => readLog(remote, id, range),
  async pids(id) {
    const { status, told } = await statusOf(remote, id)
    if (phaseOf(status.state) !== 'running') throw new Failure('wrongState', `top: container ${id.slice(0, 12)} is not running (${phaseOf(status.state)})`)
    if (!told.pid) throw new Failure('unsupported', 'top: the runtime tells no process of the container', { hint: 'use scow exec CONTAINER ps' })
    if (!remote.isHere || !existsSync(`/proc/${told.pid}`)) throw new Failure('unsupported', `top: process ${told.pid} of the container is not on this machine`, { hint: 'run this on the node itself, or use scow exec CONTAINER ps' })
    return cgroupPids(told.pid)
  },
  async prune(chosen) {
    const wanted = (await completeRows(remote, await listRows(remote))).filter((row) => ['created', 'exited'].includes(row.phase) && chosen(row))
    for (const { id } of wanted) await removeContainer(remote, id, { force: false })
    return wanted.map(({ id }) => id)
  },
})

const KILL = 9
const POLL_MS = 250
/** What the runtime may need beyond the container's own time. */
const GRACE_MS = 30_000

/** Seconds as configured where none are given; 0 kills at once. */
export async function stopContainer({ runtime, wire }: Pick<Remote, 'runtime' | 'wire'>, containerId: string, seconds = loadConfig().engine.stopTimeoutSeconds): Promise<void> {
  await runtime.call(wire.RuntimeServiceService.stopContainer, wire.StopContainerRequest.fromPartial({ containerId, timeout: BigInt(seconds) }), { timeoutMs: seconds * 1000 + GRACE_MS })
}

export async function startContainer(remote: Remote, containerId: string): Promise<void> {
  const { status } = await statusOf(remote, containerId)
  const phase = phaseOf(status.state)
  if (phase === 'running') return
  if (phase === 'exited') throw new Failure('wrongState', `container ${containerId.slice(0, 12)} has ended, and the CRI starts a container only once`, { hint: 'remove it, and make it anew with scow run' })
  try {
    await remote.runtime.call(remote.wire.RuntimeServiceService.startContainer, remote.wire.StartContainerRequest.fromPartial({ containerId }))
  } catch (error) {
    throw await startFailure(error)
  }
}

const NOT_EXECUTED = /permission denied|exec format error/i

/** What a runtime says of a pod, a container or its start that failed, by podman's exit codes: 126 and 127 are of the command, all else is 125. */
export async function startFailure(error: unknown): Promise<unknown> {
  const { asStartFailure } = await import('../../cri/client/remote-command.ts')
  const failure = asStartFailure(error)
  return isFailure(failure, 'cannotInvoke') && !NOT_EXECUTED.test(failure.message) ? new Failure('unavailable', failure.message, { cause: failure }) : failure
}

interface Removal { readonly force: boolean; readonly stopTimeoutSeconds?: number | undefined }

/** One that `scow run` made goes with its pod and its log. */
export async function removeContainer(remote: Remote, containerId: string, { force, stopTimeoutSeconds }: Removal): Promise<void> {
  const { wire, runtime } = remote
  const { status } = await statusOf(remote, containerId)
  if (phaseOf(status.state) === 'running') {
    if (!force) throw new Failure('wrongState', `cannot remove container ${status.annotations[OWN_NAME] ?? status.metadata?.name} (${containerId.slice(0, 12)}) as it is running`, { hint: 'stop it first, or remove it with --force' })
    await stopContainer(remote, containerId, stopTimeoutSeconds)
  }
  const row = (await listRows(remote)).find(({ id }) => id === containerId)
  await runtime.call(wire.RuntimeServiceService.removeContainer, wire.RemoveContainerRequest.fromPartial({ containerId }))
  if (status.annotations[OWN_NAME] !== undefined && row?.podId !== undefined) await removePod({ runtime, wire }, row.podId)
  if (remote.isHere && status.logPath !== '') removeLog(status.logPath, status.annotations[OWN_NAME] !== undefined)
}

export async function removePod({ runtime, wire }: Pick<Remote, 'runtime' | 'wire'>, podSandboxId: string): Promise<void> {
  await runtime.call(wire.RuntimeServiceService.stopPodSandbox, wire.StopPodSandboxRequest.fromPartial({ podSandboxId }))
  await runtime.call(wire.RuntimeServiceService.removePodSandbox, wire.RemovePodSandboxRequest.fromPartial({ podSandboxId }))
}

/** With its rotations; the folders of a pod of ours are `POD/CONTAINER`. */
function removeLog(path: string, isOwn: boolean): void {
  for (const file of [path, ...(/[*?[\]{}]/.test(path) ? [] : globSync(`${path}.*`))]) rmSync(file, { force: true })
  if (isOwn) for (const folder of [dirname(path), dirname(dirname(path))]) removeIfEmpty(folder)
}

function removeIfEmpty(folder: string): void {
  try { if (globSync('*', { cwd: folder }).length === 0) rmSync(folder, { recursive: true }) } catch { /* others may use it */ }
}

const NS_PER_MS = 1_000_000n

async function readLog(remote: Remote, id: string, { sinceNs, untilNs, tail, follow, signal }: LogRange): Promise<AsyncIterable<LogLine>> {
  const { status } = await statusOf(remote, id)
  if (status.logPath === '') throw new Failure('unsupported', `container ${id.slice(0, 12)} has no log: none was asked for when it was made`)
  const { openLog } = await import('../../cri/client/open-log.ts')
  const lines = await openLog(remote.runtime, status, { tail, sinceMs: sinceNs === undefined ? undefined : Number(sinceNs / NS_PER_MS), follow: follow ?? false, signal, note: remote.note })
  const untilMs = untilNs === undefined ? Infinity : Number(untilNs / NS_PER_MS)
  return (async function* () {
    for await (const { time, stream, bytes } of lines) {
      const ms = Date.parse(time)
      if (ms > untilMs) return
      const partial = bytes.at(-1) !== NEWLINE
      yield { time, timeNs: BigInt(ms) * NS_PER_MS, stream, partial, text: partial ? bytes : bytes.subarray(0, -1) }
    }
  })()
}
const NEWLINE = 0x0a
