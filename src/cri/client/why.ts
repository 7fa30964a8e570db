// The chain behind a failure: what the runtime, the log and the node know of a container or a pod, and what to try.
import { readFileSync, statSync } from 'node:fs'
import { constants } from 'node:os'
import { Failure } from '../../errors.ts'
import {
  ContainerState, ContainerStatusRequest, ImageServiceService as Images, ImageStatusRequest, ListContainersRequest, ListPodSandboxRequest, PodSandboxState,
  PodSandboxStatusRequest, RuntimeServiceService as Runtime, StatusRequest, type Container, type ContainerStatus, type PodSandbox,
} from '../wire/generated/runtime-v1.ts'
import type { Connection } from './connection.ts'
import { formatTime } from './inspected.ts'
import { readLog } from './log-lines.ts'

/** One part of the page. */
export interface Finding {
  readonly title: string
  readonly lines: readonly string[]
}

export interface Why {
  readonly findings: readonly Finding[]
  /** What to try, most likely first. */
  readonly advice: readonly string[]
}

const LAST_LINES = 10

/** `name`: id, beginning of an id, or name of a pod or a container. @throws Failure notFound, invalid */
export async function explain(runtime: Connection, images: Connection, name: string): Promise<Why> {
  const [{ items: pods }, { containers }] = await Promise.all([
    runtime.call(Runtime.listPodSandbox, ListPodSandboxRequest.fromPartial({})), runtime.call(Runtime.listContainers, ListContainersRequest.fromPartial({})),
  ])
  const container = one(containers, name, 'container')
  const pod = container ? pods.find(({ id }) => id === container.podSandboxId) : one(pods, name, 'pod')
  if (!container && !pod) throw new Failure('notFound', `neither a pod nor a container is called ${name}`, { hint: 'the runtime knows those of ps -a and pods only' })
  const chosen = container ? [container] : newestOfEach(containers.filter(({ podSandboxId }) => podSandboxId === pod!.id))
  const parts: Why[] = [await aboutRuntime(runtime), ...(pod ? [await aboutPod(runtime, pod)] : [])]
  for (const each of chosen) parts.push(await aboutContainer(runtime, images, each))
  if (pod && chosen.length === 0) parts.push({ findings: [{ title: 'Containers', lines: ['none: nothing was created in this pod yet'] }], advice: ['look in the log of the kubelet: it may wait for an image, a volume or a secret'] })
  return { findings: parts.flatMap(({ findings }) => findings), advice: [...new Set(parts.flatMap(({ advice }) => advice))] }
}

interface Listed { readonly id: string; readonly createdAt: bigint; readonly metadata?: { readonly name: string } | undefined }

/** By id first; of several that have the name the newest. */
function one<T extends Listed>(items: readonly T[], name: string, what: string): T | undefined {
  const byId = items.filter(({ id }) => id.startsWith(name))
  if (byId.length > 1) throw new Failure('invalid', `several ${what}s begin with ${name}`, { hint: 'give more of the id' })
  return byId[0] ?? items.filter(({ metadata }) => metadata?.name === name).sort((a, b) => Number(b.createdAt - a.createdAt))[0]
}

const newestOfEach = (containers: readonly Container[]): Container[] =>
  [...Map.groupBy(containers, ({ metadata }) => metadata?.name ?? '').values()].map((of) => of.reduce((newest, other) => (other.createdAt > newest.createdAt ? other : newest)))

async function aboutRuntime(runtime: Connection): Promise<Why> {
  const { status } = await runtime.call(Runtime.status, StatusRequest.fromPartial({}))
  const broken = (status?.conditions ?? []).filter(({ status: isMet }) => !isMet)
  return {
    findings: broken.length === 0 ? [] : [{ title: 'Runtime', lines: broken.map(({ type, reason, message }) => `${type} is false: ${[reason, message].filter(Boolean).join(': ')}`) }],
    advice: broken.flatMap(({ type }) => (type === 'NetworkReady' ? ['the network of pods is not set up: is there a configuration in /etc/cni/net.d, and are its plugins installed?'] : [`the runtime says that ${type} is false: look in its log`])),
  }
}

async function aboutPod(runtime: Connection, { id, metadata }: PodSandbox): Promise<Why> {
  const { status } = await runtime.call(Runtime.podSandboxStatus, PodSandboxStatusRequest.fromPartial({ podSandboxId: id }))
  const isReady = status?.state === PodSandboxState.SANDBOX_READY
  const ip = status?.network?.ip ?? ''
  const isOnHost = status?.linux?.namespaces?.options?.network === 2
  return {
    findings: [{ title: `Pod ${metadata?.namespace}/${metadata?.name} (${id.slice(0, 13)}, attempt ${metadata?.attempt ?? 0})`, lines: [
      `${isReady ? 'ready' : 'not ready'}, created ${formatTime(status?.createdAt ?? 0n)}`, `network: ${ip !== '' ? ip : isOnHost ? 'that of the node' : 'no address'}`,
    ] }],
    advice: isReady ? (ip === '' && !isOnHost ? ['the pod has no address: look in the log of the runtime for what the network plugin said'] : []) : ['the pod is not ready: its network and its pause container are gone; what runs in it must be made anew'],
  }
}

async function aboutContainer(runtime: Connection, images: Connection, { id }: Container): Promise<Why> {
  const { status, info } = await runtime.call(Runtime.containerStatus, ContainerStatusRequest.fromPartial({ containerId: id, verbose: true }))
  const told = parseInfo(info)
  const [ending, log, oom, mounts, image] = [howItEnded(status!), await lastLines(status!), memoryEvents(told), missingMounts(status!), await imageState(images, status!)]
  const findings = [
    { title: `Container ${status!.metadata?.name} (${id.slice(0, 13)}, attempt ${status!.metadata?.attempt ?? 0})`, lines: [...ending.lines, ...oom.lines, ...limits(told), ...image.lines] },
    ...(mounts.length ? [{ title: 'Mounts', lines: mounts }] : []),
    { title: 'Last lines of its log', lines: log },
  ]
  return { findings, advice: [...oom.advice, ...ending.advice, ...image.advice, ...(mounts.length ? ['a mounted path of the node is not there: create it, or correct the mount'] : [])] }
}

const SIGNAL_BASE = 128
const SIGNALS = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name]))
const [KILLED, TERMINATED, SEGMENT, ABORTED] = [137, 143, 139, 134]

/** What an exit code means, and what then helps. */
export function meaningOf(code: number): { readonly meaning: string; readonly advice?: string } {
  const signal = code > SIGNAL_BASE ? SIGNALS.get(code - SIGNAL_BASE) : undefined
  if (code === 0) return { meaning: 'it ended by itself, without an error', advice: 'a container lives as long as its first process: that one has ended' }
  if (code === 126) return { meaning: 'the command is there but cannot be run', advice: 'is the command executable, and made for this processor?' }
  if (code === 127) return { meaning: 'the command was not found', advice: 'does the image have this command, and is PATH right?' }
  if (code === 128) return { meaning: 'the runtime could not start it', advice: 'the message above says why the runtime could not start it' }
  if (code === 255) return { meaning: 'unknown: it is what runtimes say when they lost it, too', advice: 'was the runtime or the node restarted meanwhile?' }
  if (code === KILLED) return { meaning: 'killed with SIGKILL', advice: 'SIGKILL comes from the kernel when memory is short, from a stop whose time was over, or from a failed liveness probe: look at the memory, and in the log of the kubelet' }
  if (code === TERMINATED) return { meaning: 'ended by SIGTERM', advice: 'somebody stopped it: the kubelet, a person, or a shutdown' }
  if (code === SEGMENT || code === ABORTED) return { meaning: `it crashed: ${signal}`, advice: 'the program crashed: look for a core file, or for a wrong library or processor' }
  return { meaning: signal ? `ended by ${signal}` : 'an error of the program itself', ...(signal ? {} : { advice: 'the program itself ended with an error: its last lines are below' }) }
}

function howItEnded(status: ContainerStatus): { lines: string[]; advice: string[] } {
  const { state, exitCode, reason, message, createdAt, startedAt, finishedAt } = status
  if (state === ContainerState.CONTAINER_RUNNING) return { lines: [`running since ${formatTime(startedAt)}`], advice: [] }
  if (state === ContainerState.CONTAINER_CREATED) return { lines: [`created ${formatTime(createdAt)}, never started`], advice: ['it was created and not started: the start may have failed, or nobody asked for it'] }
  if (state === ContainerState.CONTAINER_UNKNOWN) return { lines: ['the runtime has lost track of it'], advice: ['remove the container, and look in the log of the runtime'] }
  const { meaning, advice } = meaningOf(exitCode)
  const isOom = reason === 'OOMKilled'
  return {
    lines: [`exited with ${exitCode}${reason ? ` (${reason})` : ''}: ${isOom ? 'the kernel killed it because its memory was used up' : meaning}`, `ran from ${formatTime(startedAt)} to ${formatTime(finishedAt)} (${seconds(finishedAt - startedAt)})`, ...(message ? [`the runtime says: ${message.trim().replaceAll('\n', ' ')}`] : [])],
    advice: isOom ? ['give it more memory, or make it use less'] : advice ? [advice] : [],
  }
}

const seconds = (ns: bigint): string => `${(Number(ns) / 1e9).toFixed(1)} s`

interface Told { readonly pid: number; readonly cgroup: string; readonly memoryLimit: number; readonly args: readonly string[] }

function parseInfo(info: Readonly<Record<string, string>>): Told {
  const nothing = { pid: 0, cgroup: '', memoryLimit: 0, args: [] }
  try {
    const { pid = 0, runtimeSpec } = JSON.parse(info['info'] ?? '{}') as { pid?: number; runtimeSpec?: { linux?: { cgroupsPath?: string; resources?: { memory?: { limit?: number } } }; process?: { args?: string[] } } }
    return { pid, cgroup: runtimeSpec?.linux?.cgroupsPath ?? '', memoryLimit: runtimeSpec?.linux?.resources?.memory?.limit ?? 0, args: runtimeSpec?.process?.args ?? [] }
  } catch {
    return nothing
  }
}

const MIB = 1024 * 1024
const limits = ({ memoryLimit, args }: Told): string[] => [...(args.length ? [`command: ${args.join(' ').slice(0, 200)}`] : []), ...(memoryLimit > 0 ? [`memory limit: ${Math.round(memoryLimit / MIB)} MiB`] : [])]

/** Counters of the cgroup, while it is there: only on the node itself. */
function memoryEvents({ cgroup }: Told): { lines: string[]; advice: string[] } {
  if (!cgroup.startsWith('/')) return { lines: [], advice: [] }
  for (const file of [`/sys/fs/cgroup${cgroup}/memory.events`, `/sys/fs/cgroup/memory${cgroup}/memory.oom_control`]) {
    const kills = /^oom_kill (\d+)$/m.exec(readText(file) ?? '')?.[1]
    if (kills !== undefined) return kills === '0' ? { lines: [], advice: [] } : { lines: [`the kernel killed ${kills} of its processes because memory was used up`], advice: ['give it more memory, or make it use less'] }
  }
  return { lines: [], advice: [] }
}

function readText(file: string): string | undefined {
  try { return readFileSync(file, 'utf8') } catch { return undefined }
}

async function lastLines({ logPath }: ContainerStatus): Promise<string[]> {
  if (logPath === '') return ['(it has no log)']
  const lines: string[] = []
  try {
    for await (const { stream, bytes } of readLog(logPath, { tail: LAST_LINES, signal: new AbortController().signal })) lines.push(`${stream === 'stderr' ? 'err' : 'out'} | ${bytes.toString('utf8').trimEnd()}`)
  } catch (error) {
    return [`(${(error as Error).message})`]
  }
  return lines.length ? lines : ['(empty)']
}

const missingMounts = ({ mounts }: ContainerStatus): string[] => mounts.filter(({ hostPath }) => hostPath !== '' && !exists(hostPath)).map(({ hostPath, containerPath }) => `${hostPath} -> ${containerPath}: not on this node`)

function exists(path: string): boolean {
  try { statSync(path); return true } catch (error) { return (error as NodeJS.ErrnoException).code !== 'ENOENT' }
}

async function imageState(images: Connection, { image, imageRef }: ContainerStatus): Promise<{ lines: string[]; advice: string[] }> {
  const name = image?.image ?? ''
  const found = (await images.call(Images.imageStatus, ImageStatusRequest.fromPartial({ image: { image: imageRef || name } }))).image
  if (found) return { lines: [`image: ${found.repoTags[0] ?? (name || imageRef)}`], advice: [] }
  return { lines: [`image: ${name || imageRef} is not there any more`], advice: ['the image was removed: pull it before the container is made anew'] }
}
