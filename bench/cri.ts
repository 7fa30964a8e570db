// The CRI server beside Debian's containerd: the same image, network configuration and runc, the two in turn.
import { credentials } from '@grpc/grpc-js'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import * as wire from '../src/cri/wire/generated/runtime-v1.ts'
import { startContainerd } from '../test/cri-client/containerd.ts'
import type { Server } from '../test/cri-client/peer.ts'
import { CNI } from '../test/cri-client/pod-network.ts'
import { startServe } from '../test/cri-client/serve.ts'
import { unmountRoots } from '../test/support/leftovers.ts'
import { BUSY_LATE, BUSY_LATEST, BUSY_MEDIAN, busyRows } from './cri-busy.ts'
import { median, type Row } from './measure.ts'

interface Client { call<Response>(service: 'runtime' | 'images', method: string, request: object): Promise<Response>; close(): void }
export interface Peer { readonly name: string; readonly dir: string; readonly image: string; readonly server: Server; readonly client: Client }

export const CRI_TOOLS = ['scow serve', 'containerd'] as const
const POD_OF = { one: 'CRI: pod to running, 1', ten: 'CRI: pod to running, 10 at once', end: 'CRI: stop and remove a pod', exec: 'CRI: ExecSync `true`', list: 'CRI: ListContainers, 200 containers' }
const IDLE = 'CRI: memory of the server, idle'
const IDLE_OWN = 'CRI: of that, what is in no file'
const FULL = 'CRI: memory of the server, 50 pods'
const FULL_OWN = 'CRI: of that, what is in no file, 50 pods'
const STAYS = 'CRI: memory that stays, per pod'
const MEMORY = [IDLE, IDLE_OWN, FULL, FULL_OWN, STAYS]
const BUSY = [BUSY_MEDIAN, BUSY_LATE, BUSY_LATEST]
const MANY = 50
const REST_MS = 45_000

interface Images { readonly small: string; /** Pulled and removed again. */ readonly big: string }

/** The rows whose name has one of `words`; all of them without words. */
export async function measureCri(images: Images, words: readonly string[]): Promise<Row[]> {
  const wanted = (what: string): boolean => words.length === 0 || words.some((word) => what.includes(word))
  if (![...Object.values(POD_OF), ...MEMORY, ...BUSY].some(wanted)) return []
  const peers = [await open('scow serve', startServe, images.small), await open('containerd', startContainerd, images.small)]
  const rows: Row[] = []
  const add = async (what: string, runs: number, act: Act, around: Around = {}): Promise<void> => {
    if (!wanted(what)) return
    console.error(`bench: ${what}`)
    rows.push({ what, unit: 'ms', runs, medians: await inTurn(peers, { runs, act, ...around }) })
  }
  try {
    if (wanted(IDLE) || wanted(IDLE_OWN)) rows.push(...(await memoryRows(peers, [[IDLE, resident], [IDLE_OWN, anonymous]])).filter(({ what }) => wanted(what)))
    const pods = new Map<string, string[]>()
    const removeAll: Act = async (peer) => {
      for (const pod of pods.get(peer.name) ?? []) await removePod(peer, pod)
      pods.delete(peer.name)
    }
    await add(POD_OF.one, 20, async (peer) => { pods.set(peer.name, [await runPod(peer)]) }, { after: removeAll })
    await add(POD_OF.ten, 5, async (peer) => { pods.set(peer.name, await Promise.all(Array.from({ length: 10 }, () => runPod(peer)))) }, { after: removeAll })
    await add(POD_OF.end, 10, removeAll, { before: async (peer) => { pods.set(peer.name, [await runPod(peer)]) } })
    await measureExec(peers, add)
    if (wanted(POD_OF.list) || BUSY.some(wanted)) rows.push(...(await measureFull(peers, add, images.big)).filter(({ what }) => wanted(what)))
    if ([FULL, FULL_OWN, STAYS].some(wanted)) rows.push(...(await measureMany(peers)).filter(({ what }) => wanted(what)))
  } finally {
    for (const peer of peers) await close(peer)
  }
  return rows
}

type Act = (peer: Peer, run: number) => Promise<void>
interface Around { readonly before?: Act; readonly after?: Act }
type Add = (what: string, runs: number, act: Act, around?: Around) => Promise<void>

async function inTurn(peers: readonly Peer[], { runs, act, before, after }: Around & { runs: number; act: Act }): Promise<Record<string, number>> {
  const times = new Map(peers.map(({ name }) => [name, [] as number[]]))
  // The first run of each is not counted.
  for (let run = -1; run < runs; run++) {
    for (const peer of run % 2 === 0 ? peers : [...peers].reverse()) {
      await before?.(peer, run)
      const began = performance.now()
      await act(peer, run)
      if (run >= 0) times.get(peer.name)!.push(performance.now() - began)
      await after?.(peer, run)
    }
  }
  return Object.fromEntries([...times].map(([name, list]) => [name, median(list)]))
}

async function measureExec(peers: readonly Peer[], add: Add): Promise<void> {
  const made = new Map<string, { pod: string; container: string }>()
  for (const peer of peers) made.set(peer.name, await runPodWith(peer))
  await add(POD_OF.exec, 30, async (peer) => { await peer.client.call('runtime', 'execSync', { containerId: made.get(peer.name)!.container, cmd: ['true'], timeout: 10n }) })
  for (const peer of peers) await removePod(peer, made.get(peer.name)!.pod)
}

/** What is asked of servers with 200 containers that run. */
async function measureFull(peers: readonly Peer[], add: Add, big: string): Promise<Row[]> {
  console.error('bench: 200 containers')
  const made = new Map<string, string[]>()
  for (const peer of peers) made.set(peer.name, await fill(peer))
  // A kubelet asks each second for as long as its node is up: of more than the first calls the median is another.
  await add(POD_OF.list, 300, async ({ name, client }) => {
    const { containers } = await client.call<wire.ListContainersResponse>('runtime', 'listContainers', {})
    if (containers.length < 200) throw new Error(`${name} lists ${containers.length} containers`)
  })
  console.error(`bench: ${BUSY_MEDIAN}`)
  const rows = await busyRows(peers, big)
  for (const peer of peers) for (const pod of made.get(peer.name)!) await removePod(peer, pod)
  return rows
}

async function fill(peer: Peer): Promise<string[]> {
  const pods = []
  for (let pod = 0; pod < 4; pod++) {
    const { id, config } = await makePod(peer)
    pods.push(id)
    for (let each = 0; each < 50; each++) {
      const containerId = await makeContainer(peer, { id, config, name: `c${each}` })
      await peer.client.call('runtime', 'startContainer', { containerId })
    }
  }
  return pods
}

async function measureMany(peers: readonly Peer[]): Promise<Row[]> {
  console.error(`bench: memory with ${MANY} pods`)
  const pods = new Map<string, string[]>()
  for (const peer of peers) {
    const list: string[] = []
    for (let pod = 0; pod < MANY; pod++) list.push(await runPod(peer))
    pods.set(peer.name, list)
  }
  const rows = await memoryRows(peers, [
    [FULL, resident], [FULL_OWN, anonymous], [STAYS, ({ dir }) => staying(dir).reduce((sum, pid) => sum + proportionalKb(pid), 0) / MANY],
  ])
  for (const peer of peers) for (const pod of pods.get(peer.name)!) await removePod(peer, pod)
  return rows
}

async function memoryRows(peers: readonly Peer[], figures: readonly (readonly [what: string, of: (peer: Peer) => number])[]): Promise<Row[]> {
  console.error(`bench: ${figures[0]![0]}`)
  // What the last requests took, both give back after a while.
  await sleep(REST_MS)
  return figures.map(([what, of]) => ({ what, unit: 'kB', runs: 1, medians: Object.fromEntries(peers.map((peer) => [peer.name, of(peer)])) }))
}

async function open(name: string, start: (dir: string) => Promise<Server>, image: string): Promise<Peer> {
  const dir = mkdtempSync('/var/tmp/scow-bench-cri-')
  mkdirSync(join(dir, 'cni'))
  writeFileSync(join(dir, 'cni/10-bench.conflist'), JSON.stringify(CNI))
  const server = await start(dir)
  const peer = { name, dir, image, server, client: connect(server.socket) }
  await peer.client.call('images', 'pullImage', { image: { image } })
  return peer
}

async function close({ client, server, dir }: Peer): Promise<void> {
  client.close()
  await server.stop()
  unmountRoots(dir)
  rmSync(dir, { recursive: true, force: true })
}

interface Message { fromPartial(partial: object): object }

function connect(socket: string): Client {
  const options = { 'grpc.default_authority': 'localhost' }
  const clients = {
    runtime: new wire.RuntimeServiceClient(`unix:${socket}`, credentials.createInsecure(), options),
    images: new wire.ImageServiceClient(`unix:${socket}`, credentials.createInsecure(), options),
  }
  return {
    call: (service, method, request) => new Promise((resolve, reject) => {
      const message = (wire as unknown as Record<string, Message>)[`${method[0]!.toUpperCase()}${method.slice(1)}Request`]!
      type Method = (request: object, done: (error: Error | null, response: unknown) => void) => void
      const client = clients[service] as unknown as Record<string, Method>
      client[method]!(message.fromPartial(request), (error, response) => (error ? reject(error) : resolve(response as never)))
    }),
    close: () => { for (const client of Object.values(clients)) client.close() },
  }
}

let pods = 0

/** As the kubelet asks for it: a process table per container. */
async function makePod({ client, dir }: Peer): Promise<{ id: string; config: object }> {
  const name = `bench-${++pods}`
  const config = { metadata: { name, uid: name, namespace: 'bench', attempt: 0 }, logDirectory: join(dir, 'logs', name), linux: { securityContext: { namespaceOptions: { pid: wire.NamespaceMode.CONTAINER } } } }
  const { podSandboxId } = await client.call<wire.RunPodSandboxResponse>('runtime', 'runPodSandbox', { config })
  return { id: podSandboxId, config }
}

async function makeContainer({ client, image }: Peer, { id, config, name }: { id: string; config: object; name: string }): Promise<string> {
  const { containerId } = await client.call<wire.CreateContainerResponse>('runtime', 'createContainer', {
    podSandboxId: id, sandboxConfig: config,
    config: { metadata: { name, attempt: 0 }, image: { image }, command: ['sleep', '9999'], logPath: `${name}.log`, linux: { securityContext: { namespaceOptions: { pid: wire.NamespaceMode.CONTAINER } } } },
  })
  return containerId
}

async function runPodWith(peer: Peer): Promise<{ pod: string; container: string }> {
  const { id, config } = await makePod(peer)
  const container = await makeContainer(peer, { id, config, name: 'main' })
  await peer.client.call('runtime', 'startContainer', { containerId: container })
  return { pod: id, container }
}

const runPod = async (peer: Peer): Promise<string> => (await runPodWith(peer)).pod

async function removePod({ client }: Peer, podSandboxId: string): Promise<void> {
  await client.call('runtime', 'stopPodSandbox', { podSandboxId })
  await client.call('runtime', 'removePodSandbox', { podSandboxId })
}

interface Process { readonly pid: number; readonly parent: number; readonly words: readonly string[] }

function processes(): Process[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).flatMap((name) => {
    try {
      const parent = Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${name}/status`, 'utf8'))?.[1] ?? 0)
      return [{ pid: Number(name), parent, words: readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0') }]
    } catch {
      return [] // gone meanwhile
    }
  })
}

/** The process that serves from `dir`. */
function serverOf(dir: string): number {
  const found = processes().find(({ words }) => (words.includes('serve') && words.includes(join(dir, 'root'))) || (words[0] === 'containerd' && words.includes(join(dir, 'config.toml'))))
  if (!found) throw new Error(`no server for ${dir}`)
  return found.pid
}

/** What runs for the pods of `dir` and is not their own program: monitors or shims, and their pauses. */
function staying(dir: string): number[] {
  const all = processes()
  const watchers = all.filter(({ words }) => /(conmon|containerd-shim)[^/]*$/.test(words[0] ?? '') && words.some((word) => word.includes(dir)))
  const own = new Set(watchers.map(({ pid }) => pid))
  const pauses = all.filter(({ parent, words }) => own.has(parent) && /pause/.test(words[0] ?? ''))
  return [...watchers, ...pauses].map(({ pid }) => pid)
}

const field = (text: string, name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0)
const ofServer = (name: string) => ({ dir }: Peer): number => field(readFileSync(`/proc/${serverOf(dir)}/status`, 'utf8'), name)
const resident = ofServer('VmRSS')
/** Neither of a program nor of another file: what the kernel could not have again from the disk. */
const anonymous = ofServer('RssAnon')
/** Pages that several processes share count once. */
const proportionalKb = (pid: number): number => field(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'), 'Pss')
