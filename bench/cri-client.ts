// `scow cri` against crictl, where the PATH has it, and the round trip of the bare gRPC call that it makes; and what
// `scow cri trace` adds to a call. Over Debian's containerd. Writes docs/benchmark-cri.md.
// usage: cri-client.ts [WORD ...]: only the rows whose name has one of the words; nothing is written then.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpus, release } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Client, Metadata, credentials } from '@grpc/grpc-js'
import { median } from './measure.ts'

if (!process.env['SCOW_JAIL_FILE']) {
  const { spawnSync } = await import('node:child_process')
  const { status } = spawnSync(join(import.meta.dirname, '../test/support/jail.sh'), [process.execPath, ...process.argv.slice(1)],
    { stdio: 'inherit', env: { ...process.env, SCOW_JAIL_FILE: 'bench' } })
  process.exit(status ?? 1)
}

const { startContainerd } = await import('../test/cri-client/containerd.ts')
const { CNI } = await import('../test/cri-client/pod-network.ts')
const { openRegistry } = await import('../test/support/registry.ts')
const { openConnection } = await import('../src/cri/client/connection.ts')
const { parseEndpoint } = await import('../src/cri/client/endpoint.ts')
const { readRequest } = await import('../src/cri/client/containerd-wire.ts')
const wire = await import('../src/cri/wire/generated/runtime-v1.ts')
const { RuntimeServiceService: Runtime, ImageServiceService: Images } = wire

const words = process.argv.slice(2)
const isWanted = (what: string): boolean => words.length === 0 || words.some((word) => what.includes(word))
const program = join(import.meta.dirname, '../bin/scow')
const CONTAINERS = 200
const [PROGRAM_RUNS, CALL_RUNS, STREAM_RUNS, PAUSE_MS] = [15, 200, 50, 10]
const crictl = findCrictl()

const dir = mkdtempSync('/tmp/cri-bench-')
for (const name of ['logs', 'cni']) mkdirSync(join(dir, name))
writeFileSync(join(dir, 'cni/10-bench.conflist'), JSON.stringify(CNI))
const server = await startContainerd(dir)
const registry = await openRegistry()
const endpoint = `unix://${server.socket}`
const { signal } = new AbortController()
const runtime = await openConnection({ endpoint: parseEndpoint(endpoint), signal })
const [rows, tracedRows]: [string[], string[]] = [[], []]

try {
  const image = `${registry.host}/busybox:1`
  await runtime.call(Images.pullImage, wire.PullImageRequest.fromPartial({ image: { image } }))
  const sandboxConfig = wire.PodSandboxConfig.fromPartial({ metadata: { name: 'bench', namespace: 'default', uid: 'bench' }, logDirectory: join(dir, 'logs'), linux: {} })
  const { podSandboxId } = await runtime.call(Runtime.runPodSandbox, wire.RunPodSandboxRequest.fromPartial({ config: sandboxConfig }))
  const create = async (attempt: number): Promise<string> => (await runtime.call(Runtime.createContainer, wire.CreateContainerRequest.fromPartial({
    podSandboxId, sandboxConfig, config: { metadata: { name: 'main', attempt }, image: { image }, command: ['sleep', '100000'], logPath: `${attempt}.log`, labels: { app: 'bench' }, linux: {} },
  }))).containerId
  const container = await create(0)
  await runtime.call(Runtime.startContainer, wire.StartContainerRequest.fromPartial({ containerId: container }))
  if (isWanted('`ps -a`, 200 containers') || isWanted('trace')) for (let attempt = 1; attempt < CONTAINERS; attempt++) await create(attempt)

  await compare('`version`', ['version'], () => runtime.call(Runtime.version, wire.VersionRequest.fromPartial({ version: '0.1.0' })))
  await compare(`\`ps -a\`, ${CONTAINERS} containers`, ['ps', '-a'], () => runtime.call(Runtime.listContainers, wire.ListContainersRequest.fromPartial({})))
  await compare('`inspect`', ['inspect', container], () => runtime.call(Runtime.containerStatus, wire.ContainerStatusRequest.fromPartial({ containerId: container, verbose: true })))
  await compare('`exec --sync CONTAINER true`', ['exec', '--sync', container, 'true'], () => runtime.call(Runtime.execSync, wire.ExecSyncRequest.fromPartial({ containerId: container, cmd: ['true'] })))
  await traced(container)
} finally {
  runtime.close()
  execFileSync(program, ['cri', '-r', endpoint, 'rmp', '-a', '-f'], { stdio: 'pipe' })
  await server.stop()
  await registry.close()
  for (const point of readFileSync('/proc/self/mounts', 'utf8').split('\n').map((line) => line.split(' ')[1] ?? '').filter((path) => path.startsWith(`${dir}/`)).reverse()) execFileSync('umount', [point])
  rmSync(dir, { recursive: true, force: true })
}

const head = crictl === undefined ? '| what | scow cri | bare call |' : '| what | scow cri | crictl | ratio | bare call |'
const tables = [
  ...(rows.length > 0 ? [`${head} runs |\n${head.replaceAll(/[^|]+/g, '---')}---|\n${rows.join('\n')}`] : []),
  ...(tracedRows.length > 0 ? [`| what | through \`trace\` | past it | added | runs |\n|---|---|---|---|---|\n${tracedRows.join('\n')}`] : []),
].join('\n\n')
console.log(tables)
if (words.length === 0) {
  writeFileSync(join(import.meta.dirname, '../docs/benchmark-cri.md'), `# Benchmark of the CRI client

Made by \`npm run bench\` on ${new Date().toISOString().slice(0, 10)}: Linux ${release().split('.', 2).join('.')}, ${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}), containerd of
Debian 12${crictl === undefined ? '; no crictl on the PATH' : `, ${(await output(crictl, ['--version'])).trim()}`}. Medians of wall time, in turn. A bare call is the same request on a connection that is
open already: what a program costs beside it is its start. Calls through \`trace\` and past it are made in turn over
connections that stay open; what is added is the median with it less the median without it.

${tables}
`)
}

/** One that is not ours under its name. */
function findCrictl(): string | undefined {
  return (process.env['PATH'] ?? '').split(':').map((folder) => join(folder, 'crictl')).find((file) => existsSync(file) && realpathSync(file) !== realpathSync(program))
}

async function output(file: string, args: readonly string[]): Promise<string> {
  return (await promisify(execFile)(file, args, { maxBuffer: 1 << 26 })).stdout
}

async function timed(act: () => Promise<unknown>): Promise<number> {
  const began = process.hrtime.bigint()
  await act()
  return Number(process.hrtime.bigint() - began) / 1e6
}

/** Each in turn; the first of each isn't counted. */
async function medians(runs: number, acts: readonly (() => Promise<unknown>)[]): Promise<number[]> {
  const times = acts.map((): number[] => [])
  for (let at = -1; at < runs; at++) {
    for (const [which, act] of acts.entries()) {
      const ms = await timed(act)
      if (at >= 0) times[which]!.push(ms)
    }
  }
  return times.map(median)
}

async function compare(what: string, args: readonly string[], bare: () => Promise<unknown>): Promise<void> {
  if (!isWanted(what)) return
  console.error(`bench: ${what}`)
  const ours = () => output(program, ['cri', '-r', endpoint, ...args])
  if (crictl === undefined) {
    const [ms, bareMs] = await medians(PROGRAM_RUNS, [ours, bare]) as [number, number]
    rows.push(`| ${what} | ${show(ms)} | ${show(bareMs)} | ${PROGRAM_RUNS} |`)
  } else {
    const [ms, theirs, bareMs] = await medians(PROGRAM_RUNS, [ours, () => output(crictl, ['-r', endpoint, ...args]), bare]) as [number, number, number]
    rows.push(`| ${what} | ${show(ms)} | ${show(theirs)} | ${(ms / theirs).toFixed(2)} | ${show(bareMs)} | ${PROGRAM_RUNS} |`)
  }
}

function show(ms: number): string { return `${ms.toFixed(ms < 10 ? 2 : 1)} ms` }

/** Calls through the proxy and past it. */
async function traced(container: string): Promise<void> {
  const unary = <Q>(method: { path: string; requestSerialize: (request: Q) => Buffer }, request: Q) => (client: Client) =>
    new Promise<void>((resolve, reject) => client.makeUnaryRequest(method.path, method.requestSerialize, (bytes) => bytes, request, (error) => (error ? reject(error) : resolve())))
  const { digest, size } = await largestBlob()
  const acts: readonly (readonly [what: string, runs: number, act: (client: Client) => Promise<void>])[] = [
    ['Version', CALL_RUNS, unary(Runtime.version, wire.VersionRequest.fromPartial({}))],
    [`ListContainers, ${CONTAINERS} containers`, CALL_RUNS, unary(Runtime.listContainers, wire.ListContainersRequest.fromPartial({}))],
    ['ContainerStatus', CALL_RUNS, unary(Runtime.containerStatus, wire.ContainerStatusRequest.fromPartial({ containerId: container, verbose: true }))],
    [`a stream of ${(size / 1e6).toFixed(1)} MB`, STREAM_RUNS, (client) => readBlob(client, digest)],
  ]
  const wanted = acts.filter(([what]) => isWanted(`trace ${what}`))
  if (wanted.length === 0) return
  const socket = join(dir, 'traced.sock')
  const tracing = spawn(program, ['cri', 'trace', endpoint, '--listen', socket, '--record', join(dir, 'record')], { stdio: ['ignore', 'ignore', 'pipe'] })
  await once(tracing.stderr, 'data')
  const [through, past] = [connect(socket), connect(server.socket)]
  try {
    for (const [what, runs, act] of wanted) {
      console.error(`bench: trace ${what}`)
      for (let warm = 0; warm < 20; warm++) { await act(through); await act(past) }
      // calls of a kubelet come with pauses
      const [slow, fast] = await medians(runs, [through, past].flatMap((client) => [() => act(client), () => sleep(PAUSE_MS)])).then(([a, , b]) => [a!, b!] as const)
      tracedRows.push(`| ${what} | ${show(slow)} | ${show(fast)} | ${show(slow - fast)} | ${runs} |`)
    }
  } finally {
    through.close()
    past.close()
    tracing.kill('SIGINT')
    await once(tracing, 'exit')
  }
}

function connect(path: string): Client {
  return new Client(`unix://${path}`, credentials.createInsecure(), { 'grpc.default_authority': 'localhost', 'grpc.max_receive_message_length': -1 })
}

/** Of what containerd has pulled: something that comes as a stream of messages. */
async function largestBlob(): Promise<{ digest: string; size: number }> {
  const listed = await output('ctr', ['--address', server.socket, '--namespace', 'k8s.io', 'content', 'ls', '--quiet'])
  const blobs = listed.trim().split('\n').map((digest) => ({ digest, size: statSync(join(dir, 'root/io.containerd.content.v1.content/blobs', digest.replace(':', '/'))).size }))
  return blobs.reduce((one, other) => (other.size > one.size ? other : one))
}

async function readBlob(client: Client, digest: string): Promise<void> {
  const metadata = new Metadata()
  metadata.set('containerd-namespace', 'k8s.io')
  const stream = client.makeServerStreamRequest('/containerd.services.content.v1.Content/Read', (bytes: Uint8Array) => Buffer.from(bytes), (bytes) => bytes, readRequest(digest, 0), metadata, {})
  await once(stream.resume(), 'end')
}
