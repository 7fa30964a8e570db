// The chain behind a failure: what the runtime, the log and the node know of a container or a pod, and what to try.
import { statSync } from 'node:fs'
import { constants } from 'node:os'
import { Failure } from '../../errors.ts'
import {
  ContainerState, ContainerStatusRequest, ImageServiceService as Images, ImageStatusRequest, ListContainersRequest, ListPodSandboxRequest, NamespaceMode,
  PodSandboxState, PodSandboxStatusRequest, RuntimeServiceService as Runtime, StatusRequest, type Container, type ContainerStatus, type PodSandbox, type RuntimeCondition,
} from '../wire/generated/runtime-v1.ts'
import type { Connection } from './connection.ts'
import { causeOfPull, causeOfStart, type Cause } from './cause.ts'
import { containerFacts, factLines, memoryText, oomKills } from './container-facts.ts'
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
  const podPart = pod && await aboutPod(runtime, pod)
  const about = await aboutRuntime(runtime, podPart?.lacksNetwork ?? true)
  if (!container && !pod) throw notFound(name, about)
  const chosen = container ? [container] : newestOfEach(containers.filter(({ podSandboxId }) => podSandboxId === pod!.id))
  const parts: Part[] = [about, ...(podPart ? [podPart] : [])]
  for (const each of chosen) parts.push(await aboutContainer({ runtime, images }, each, containers))
  if (pod && chosen.length === 0) parts.push({ findings: [{ title: 'Containers', lines: ['none: nothing was created in this pod yet'] }], cause: 'nothing was created in this pod yet', advice: ['look in the log of the kubelet: it may wait for an image, a volume or a secret', 'see whether its image can be pulled: why --pull IMAGE'] })
  return page([...parts, about.remarks])
}

/** A part of the page, and what of it is the cause. */
interface Part extends Why { readonly cause?: string | undefined }

/** The runtime's own trouble is the cause of all that follows. */
function page(parts: readonly Part[]): Why {
  const causes = [...new Set(parts.flatMap(({ cause }) => cause ?? []))]
  return {
    findings: [...(causes.length > 0 ? [{ title: 'Cause', lines: causes }] : []), ...parts.flatMap(({ findings }) => findings)],
    advice: [...new Set(parts.flatMap(({ advice }) => advice))],
  }
}

function notFound(name: string, { cause }: Part): Failure {
  return new Failure('notFound', `neither a pod nor a container is called ${name}`, { hint: cause === undefined ? 'the runtime knows those of ps -a and pods only; of an image, --pull shows why it cannot be pulled' : `nothing can be made while ${cause}` })
}

/** Pulls an image to see why it cannot be. */
export async function explainPull(images: Connection, image: string): Promise<Why> {
  const { pullImage } = await import('./pull.ts')
  try {
    const reference = await pullImage(images, { image })
    return { findings: [{ title: `Image ${image}`, lines: [`was pulled: ${reference}`] }], advice: [] }
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    const { cause, advice } = causeOfPull(error.message, image)
    return { findings: [{ title: 'Cause', lines: [`image ${image}: ${cause}`] }, { title: `Image ${image}`, lines: [`the runtime says: ${error.message.trim().replaceAll('\n', ' ')}`] }], advice: advice ? [advice] : [] }
  }
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

/** Of the CRI: without them nothing can be made. Others are what a runtime has to say besides. */
const NEEDED: ReadonlySet<string> = new Set(['RuntimeReady', 'NetworkReady'])

interface AboutRuntime extends Part { readonly remarks: Part }

/** `asksNetwork`: whether what is explained still waits for a network; to who has its own, or that of the node, it is a remark. */
async function aboutRuntime(runtime: Connection, asksNetwork: boolean): Promise<AboutRuntime> {
  const { status } = await runtime.call(Runtime.status, StatusRequest.fromPartial({}))
  const unmet = (status?.conditions ?? []).filter(({ status: isMet }) => !isMet)
  const isNeeded = ({ type }: RuntimeCondition) => NEEDED.has(type) && (asksNetwork || type !== 'NetworkReady')
  const broken = unmet.filter(isNeeded)
  const others = unmet.filter((condition) => !isNeeded(condition))
  const said = (title: string, conditions: readonly RuntimeCondition[]): Finding[] =>
    (conditions.length === 0 ? [] : [{ title, lines: conditions.map(({ type, reason, message }) => `${type} is false: ${[reason, plain(message)].filter(Boolean).join(': ')}`) }])
  const [worst] = broken
  return {
    ...(worst ? { cause: `${worst.type === 'NetworkReady' ? 'the network of pods is not ready' : `the runtime is not ready (${worst.type})`}: ${worst.message || worst.reason}` } : {}),
    findings: said('Runtime', broken), remarks: { findings: said('The runtime also says', others), advice: [] },
    advice: broken.map(({ type }) => (type === 'NetworkReady' ? 'the network of pods is not set up: is there a configuration in /etc/cni/net.d, and are its plugins installed?' : `the runtime says that ${type} is false: look in its log`)),
  }
}

/** containerd gives warnings as a JSON object of texts. */
function plain(message: string): string {
  try {
    return Object.values(JSON.parse(message) as object).join('; ')
  } catch {
    return message
  }
}

async function aboutPod(runtime: Connection, { id, metadata }: PodSandbox): Promise<Part & { readonly lacksNetwork: boolean }> {
  const { status } = await runtime.call(Runtime.podSandboxStatus, PodSandboxStatusRequest.fromPartial({ podSandboxId: id }))
  const isReady = status?.state === PodSandboxState.SANDBOX_READY
  const ip = status?.network?.ip ?? ''
  const isOnHost = status?.linux?.namespaces?.options?.network === NamespaceMode.NODE
  const lacksNetwork = ip === '' && !isOnHost
  return {
    lacksNetwork,
    ...(isReady ? {} : { cause: `the pod ${metadata?.namespace}/${metadata?.name} is not ready${lacksNetwork ? ': it has no network' : ''}` }),
    findings: [{ title: `Pod ${metadata?.namespace}/${metadata?.name} (${id.slice(0, 13)}, attempt ${metadata?.attempt ?? 0})`, lines: [
      `${isReady ? 'ready' : 'not ready'}${isTime(status?.createdAt) ? `, created ${formatTime(status!.createdAt)}` : ''}`, `network: ${ip !== '' ? ip : isOnHost ? 'that of the node' : 'no address'}`,
    ] }],
    advice: isReady ? (lacksNetwork ? ['the pod has no address: look in the log of the runtime for what the network plugin said'] : []) : ['the pod is not ready: its network and its pause container are gone; what runs in it must be made anew'],
  }
}

interface Services { readonly runtime: Connection; readonly images: Connection }

async function aboutContainer({ runtime, images }: Services, { id }: Container, all: readonly Container[]): Promise<Part> {
  const { status, info } = await runtime.call(Runtime.containerStatus, ContainerStatusRequest.fromPartial({ containerId: id, verbose: true }))
  const facts = containerFacts(status!, info)
  const [ending, log, oom, mounts, image] = [howItEnded(status!), await lastLines(status!), memoryEvents(oomKills(facts)), missingMounts(status!), await imageState(images, status!)]
  const tries = all.filter(({ podSandboxId, metadata }) => podSandboxId === all.find((each) => each.id === id)?.podSandboxId && metadata?.name === status!.metadata?.name).length
  const again = tries > 1 && status!.state === ContainerState.CONTAINER_EXITED && status!.exitCode !== 0
  const findings = [
    { title: `Container ${status!.metadata?.name} (${id.slice(0, 13)}, attempt ${status!.metadata?.attempt ?? 0})`, lines: [...ending.lines, ...(again ? [`it was tried ${tries} times here, with attempt ${status!.metadata?.attempt ?? 0} now: a crash loop`] : []), ...oom.lines, ...factLines(facts), ...image.lines] },
    ...(mounts.length ? [{ title: 'Mounts', lines: mounts }] : []),
    { title: 'Last lines of its log', lines: log },
  ]
  const what = `container ${status!.metadata?.name}`
  return { cause: ending.cause && `${what}: ${ending.cause}${ending.isOom && facts.memoryLimitBytes > 0 ? ` (its limit is ${memoryText(facts.memoryLimitBytes)})` : ''}${again ? `, again and again (${tries} times)` : ''}`, findings, advice: [...oom.advice, ...ending.advice, ...image.advice, ...(mounts.length ? ['a mounted path of the node is not there: create it, or correct the mount'] : [])] }
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
  return { meaning: signal ? `ended by ${signal}` : 'an error of the program itself', ...(signal ? {} : { advice: 'the program itself ended with an error: look at the last lines of its log' }) }
}

/** When it ran. By a coarse clock it may have ended when it began, or before. */
export function spanOf({ startedAt, finishedAt }: Pick<ContainerStatus, 'startedAt' | 'finishedAt'>): string {
  if (!isTime(startedAt)) return `failed at ${formatTime(finishedAt)}`
  return finishedAt > startedAt ? `ran from ${formatTime(startedAt)} to ${formatTime(finishedAt)} (${seconds(finishedAt - startedAt)})` : `ended at ${formatTime(finishedAt)}`
}

interface Ending { readonly lines: string[]; readonly advice: string[]; readonly cause?: string; readonly isOom?: boolean }

function howItEnded(status: ContainerStatus): Ending {
  const { state, exitCode, reason, createdAt, startedAt, finishedAt } = status
  if (state === ContainerState.CONTAINER_RUNNING) return { lines: [`running since ${formatTime(startedAt)}`], advice: [] }
  if (state === ContainerState.CONTAINER_CREATED) return { lines: [`created ${formatTime(createdAt)}, never started`], advice: ['it was created and not started: the start may have failed, or nobody asked for it'], cause: 'it was never started' }
  if (state === ContainerState.CONTAINER_UNKNOWN) return { lines: ['the runtime has lost track of it'], advice: ['remove the container, and look in the log of the runtime'], cause: 'the runtime has lost track of it' }
  const isOom = reason === 'OOMKilled'
  const { meaning, cause, advice } = isOom ? OOM : endOf(status)
  const message = status.message.trim().replaceAll('\n', ' ')
  return {
    isOom, cause, advice: advice ? [advice] : [],
    lines: [
      `exited with ${exitCode}${reason ? ` (${reason})` : ''}: ${meaning}`,
      spanOf({ startedAt, finishedAt }),
      ...(message ? [`the runtime says: ${message}`] : []),
    ],
  }
}

const OOM: Cause & { readonly meaning: string } = { meaning: 'the kernel killed it because its memory was used up', cause: 'the kernel killed it because its memory was used up', advice: 'give it more memory, or make it use less' }

function endOf({ exitCode, reason, message }: ContainerStatus): Cause & { readonly meaning: string } {
  const { meaning, advice } = meaningOf(exitCode)
  if (reason === 'StartError' || (exitCode === START_ERROR && message !== '')) return { meaning, ...causeOfStart(message) }
  return { meaning, cause: exitCode === 0 ? meaning : `it ended with ${exitCode}: ${meaning}`, ...(advice ? { advice } : {}) }
}

const START_ERROR = 128
/** Runtimes say 0, or the zero time of Go, where they know none. */
const isTime = (ns: bigint | undefined): boolean => ns !== undefined && ns > 0n

const seconds = (ns: bigint): string => `${(Number(ns) / 1e9).toFixed(1)} s`

const memoryEvents = (kills: number): { readonly lines: string[]; readonly advice: string[] } =>
  (kills === 0 ? { lines: [], advice: [] } : { lines: [`the kernel killed ${kills} of its processes because memory was used up`], advice: ['give it more memory, or make it use less'] })

/** What would act on the terminal of who reads it. */
const CONTROL = /\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f]/g

async function lastLines({ logPath, state }: ContainerStatus): Promise<string[]> {
  if (logPath === '') return ['(it has no log)']
  if (state === ContainerState.CONTAINER_CREATED) return ['(none: it was never started)']
  const lines: string[] = []
  try {
    for await (const { stream, bytes } of readLog(logPath, { tail: LAST_LINES, signal: new AbortController().signal })) lines.push(`${stream === 'stderr' ? 'err' : 'out'} | ${bytes.toString('utf8').replace(CONTROL, '').trimEnd()}`)
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
  // docker's references are none that can be asked for
  const found = (await images.call(Images.imageStatus, ImageStatusRequest.fromPartial({ image: { image: imageRef.replace(/^docker(?:-pullable)?:\/\//, '') || name } }))).image
  if (found) return { lines: [`image: ${found.repoTags[0] ?? (name || imageRef)}`], advice: [] }
  return { lines: [`image: ${name || imageRef} is not there any more`], advice: ['the image was removed: pull it before the container is made anew'] }
}
