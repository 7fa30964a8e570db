// `scow cri` against the round trip of the bare gRPC call that it makes, and what `scow cri trace` adds to a call; over
// Debian's containerd. Writes docs/benchmark-cri.md.
// usage: cri-client.ts [WORD ...]: only the rows whose name has one of the words; nothing is written then.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpus, release } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Client, credentials } from '@grpc/grpc-js'
import { median } from './measure.ts'

if (!process.env['SCOW_JAIL_FILE']) {
  const { spawnSync } = await import('node:child_process')
  const { status } = spawnSync(join(import.meta.dirname, '../test/support/jail.sh'), [process.execPath, ...process.argv.slice(1)],
    { stdio: 'inherit', env: { ...process.env, SCOW_JAIL_FILE: 'bench' } })
  process.exit(status ?? 1)
}

const { CNI, startContainerd } = await import('../test/cri-client/containerd.ts')
const { openRegistry } = await import('../test/support/registry.ts')
const { openConnection } = await import('../src/cri/client/connection.ts')
const { parseEndpoint } = await import('../src/cri/client/endpoint.ts')
const wire = await import('../src/cri/wire/generated/runtime-v1.ts')
const { RuntimeServiceService: Runtime, ImageServiceService: Images } = wire

const words = process.argv.slice(2)
const isWanted = (what: string): boolean => words.length === 0 || words.some((word) => what.includes(word))
const program = join(import.meta.dirname, '../bin/scow')
const CONTAINERS = 200
const [PROGRAM_RUNS, CALL_RUNS, PAUSE_MS] = [15, 200, 10]

const dir = mkdtempSync('/tmp/cri-bench-')
for (const name of ['logs', 'cni']) mkdirSync(join(dir, name))
writeFileSync(join(dir, 'cni/10-bench.conflist'), JSON.stringify(CNI))
const server = await startContainerd(dir)
const registry = await openRegistry()
const endpoint = `unix://${server.socket}`
const { signal } = new AbortController()
const runtime = await openConnection({ endpoint: parseEndpoint(endpoint), signal })
const rows: string[] = []

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

const text = ['| what | scow cri | bare call | more | runs |', '|---|---|---|---|---|', ...rows].join('\n')
console.log(text)
if (words.length === 0) {
  writeFileSync(join(import.meta.dirname, '../docs/benchmark-cri.md'), `# Benchmark of the CRI client

Made by \`npm run bench\` on ${new Date().toISOString().slice(0, 10)}: Linux ${release().split(".", 2).join(".")}, ${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}), containerd of
Debian 12. Medians of wall time, in turn. A bare call is the same request on a connection that is open already: what the
program costs beside it is its start. The rows of \`trace\` compare calls through it with calls past it.

${text}
`)
}

async function timed(act: () => Promise<unknown>): Promise<number> {
  const began = process.hrtime.bigint()
  await act()
  return Number(process.hrtime.bigint() - began) / 1e6
}

async function compare(what: string, args: readonly string[], bare: () => Promise<unknown>): Promise<void> {
  if (!isWanted(what)) return
  console.error(`bench: ${what}`)
  const run = () => promisify(execFile)(program, ['cri', '-r', endpoint, ...args], { maxBuffer: 1 << 26 })
  const [programs, calls]: [number[], number[]] = [[], []]
  for (let at = -1; at < PROGRAM_RUNS; at++) {
    const [ours, theirs] = [await timed(run), await timed(bare)]
    if (at >= 0) { programs.push(ours); calls.push(theirs) }
  }
  row(what, [median(programs), median(calls)], PROGRAM_RUNS)
}

function row(what: string, [first, second]: readonly [number, number], runs: number): void {
  const show = (ms: number): string => `${ms.toFixed(ms < 10 ? 2 : 1)} ms`
  rows.push(`| ${what} | ${show(first)} | ${show(second)} | ${show(first - second)} | ${runs} |`)
}

/** Each call once through the proxy and once past it, over connections that stay open. */
async function traced(container: string): Promise<void> {
  const calls = { Version: Runtime.version, ListContainers: Runtime.listContainers, ContainerStatus: Runtime.containerStatus } as const
  const requests = { Version: wire.VersionRequest.fromPartial({}), ListContainers: wire.ListContainersRequest.fromPartial({}), ContainerStatus: wire.ContainerStatusRequest.fromPartial({ containerId: container, verbose: true }) }
  const wanted = (Object.keys(calls) as (keyof typeof calls)[]).filter((name) => isWanted(`trace ${name}`))
  if (wanted.length === 0) return
  const socket = join(dir, 'traced.sock')
  const tracing = spawn(program, ['cri', 'trace', endpoint, '--listen', socket, '--record', join(dir, 'record')], { stdio: ['ignore', 'ignore', 'pipe'] })
  await once(tracing.stderr, 'data')
  const open = (path: string) => new Client(`unix://${path}`, credentials.createInsecure(), { 'grpc.default_authority': 'localhost', 'grpc.max_receive_message_length': -1 })
  const [through, past] = [open(socket), open(server.socket)]
  try {
    for (const name of wanted) {
      console.error(`bench: trace ${name}`)
      const method = calls[name] as typeof Runtime.version
      const call = (client: Client) => new Promise<void>((resolve, reject) => client.makeUnaryRequest(method.path, method.requestSerialize, (bytes) => bytes, requests[name] as never, (error) => (error ? reject(error) : resolve())))
      const [slow, fast]: [number[], number[]] = [[], []]
      for (let at = -20; at < CALL_RUNS; at++) {
        const one = await timed(() => call(through))
        // what the proxy writes down afterwards is not waited for
        await sleep(PAUSE_MS)
        const other = await timed(() => call(past))
        await sleep(PAUSE_MS)
        if (at >= 0) { slow.push(one); fast.push(other) }
      }
      row(`\`trace\` of ${name}${name === 'ListContainers' ? `, ${CONTAINERS} containers` : ''}`, [median(slow), median(fast)], CALL_RUNS)
    }
  } finally {
    through.close()
    past.close()
    tracing.kill('SIGINT')
    await once(tracing, 'exit')
  }
}
