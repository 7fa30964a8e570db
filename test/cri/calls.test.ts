import '../support/jail.ts'
import { Client, credentials, status, type ServiceError } from '@grpc/grpc-js'
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import * as wire from '../../src/cri/wire/generated/runtime-v1.ts'
import { openSuite } from '../support/suite.ts'
import { containerConfig, openCri, podConfig, startIn } from './cri.ts'

const suite = openSuite()
const ALONE = { linux: { securityContext: { namespaceOptions: { pid: wire.NamespaceMode.CONTAINER } } } }

interface Method { readonly path: string; readonly responseStream: boolean; readonly responseDeserialize: (bytes: Buffer) => unknown }

/** The code of an empty request; of a stream that goes on, after its beginning. */
const ask = (client: Client, { path, responseStream, responseDeserialize }: Method): Promise<number> => new Promise((resolve) => {
  const none = () => Buffer.alloc(0)
  if (!responseStream) return void client.makeUnaryRequest(path, none, responseDeserialize, {}, (error) => resolve(error?.code ?? 0))
  const stream = client.makeServerStreamRequest(path, none, responseDeserialize, {})
  stream.on('data', () => resolve(0)).on('end', () => resolve(0)).on('error', ({ code }: ServiceError) => resolve(code))
  setTimeout(() => stream.cancel(), 1000)
})

test('every call of both versions is answered, an empty one too', async (t) => {
  const { socket, server } = await openCri(t, suite)
  const client = new Client(`unix:${socket}`, credentials.createInsecure(), { 'grpc.default_authority': 'localhost' })
  t.after(() => client.close())
  const methods = [...Object.values(wire.RuntimeServiceService), ...Object.values(wire.ImageServiceService)] as Method[]
  assert.equal(methods.length, 35 + 6)
  const sensible = [status.OK, status.INVALID_ARGUMENT, status.NOT_FOUND, status.CANCELLED] as number[]
  for (const version of ['v1', 'v1alpha2']) {
    for (const method of methods) {
      const path = method.path.replace('runtime.v1.', `runtime.${version}.`)
      const code = await ask(client, { ...method, path })
      if (path.endsWith('/CheckpointContainer')) assert.equal(code, status.UNIMPLEMENTED)
      else assert.ok(sensible.includes(code), `${path}: ${status[code]}`)
    }
  }
  assert.equal(await ask(client, { ...methods[0]!, path: '/runtime.v1.RuntimeService/NoSuchCall' }), status.UNIMPLEMENTED)
  assert.doesNotMatch(server.stderr(), /level=error/)
})

test('what the kubelet tells of the node and of pods is taken, and metrics come in a stream', async (t) => {
  const { runtime, raw } = await openCri(t, suite)
  const { podSandboxId } = await runtime.runPodSandbox({ config: podConfig(ALONE) })
  await runtime.updateRuntimeConfig({ runtimeConfig: { networkConfig: { podCidr: '10.9.0.0/24' } } })
  await runtime.updatePodSandboxResources({ podSandboxId, resources: { cpuShares: 200n, memoryLimitInBytes: 100_000_000n }, overhead: { cpuShares: 10n } })
  await assert.rejects(runtime.updatePodSandboxResources({ podSandboxId: 'f'.repeat(64) }), { code: status.NOT_FOUND })
  const ids = await new Promise<string[]>((resolve, reject) => {
    const found: string[] = []
    raw.runtime.streamPodSandboxMetrics({}).on('data', (part: wire.StreamPodSandboxMetricsResponse) => found.push(...part.podSandboxMetrics.map((each) => each.podSandboxId))).on('end', () => resolve(found)).on('error', reject)
  })
  assert.deepEqual(ids, [podSandboxId])
  assert.equal((await runtime.runtimeConfig()).linux?.cgroupDriver, wire.CgroupDriver.CGROUPFS)
})

test('containers run below the cgroup of their pod, with the capabilities that go on to programs', async (t) => {
  const cri = await openCri(t, suite)
  const cgroupParent = '/scow-test-pods/pod-1'
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config: podConfig({ linux: { ...ALONE.linux, cgroupParent } }) })
  const containerId = await startIn(cri, podSandboxId, containerConfig(suite.busybox, ['sleep', '1000'], {
    linux: { securityContext: { ...ALONE.linux.securityContext, runAsUser: { value: 1000n }, capabilities: { addCapabilities: ['NET_BIND_SERVICE'], addAmbientCapabilities: ['NET_BIND_SERVICE'] } } },
  }))
  const { info } = await cri.runtime.containerStatus({ containerId, verbose: true })
  const { pid } = JSON.parse(info['info']!) as { pid: number }
  const groups = readFileSync(`/proc/${pid}/cgroup`, 'utf8').trim().split('\n').filter((line) => /memory|^0::/.test(line))
  assert.ok(groups.some((line) => line.includes(`${cgroupParent}/`)), groups.join('\n'))
  assert.match(readFileSync(`/proc/${pid}/status`, 'utf8'), /^CapAmb:\t0*400$/m)
  const { stats } = await cri.runtime.podSandboxStats({ podSandboxId })
  assert.ok(stats!.linux!.cpu!.usageCoreNanoSeconds!.value > 0n && stats!.linux!.process!.processCount!.value >= 0n)
})

test('of what an exec says more than 16 MiB are dropped', async (t) => {
  const cri = await openCri(t, suite)
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config: podConfig(ALONE) })
  const containerId = await startIn(cri, podSandboxId, containerConfig(suite.busybox, ['sleep', '1000'], ALONE))
  const client = new wire.RuntimeServiceClient(`unix:${cri.socket}`, credentials.createInsecure(), { 'grpc.default_authority': 'localhost', 'grpc.max_receive_message_length': -1 })
  t.after(() => client.close())
  const { stdout, stderr, exitCode } = await new Promise<wire.ExecSyncResponse>((resolve, reject) => {
    client.execSync({ containerId, cmd: ['sh', '-c', 'head -c 20000000 /dev/zero; echo end >&2; exit 3'], timeout: 60n }, (error, response) => (error ? reject(error) : resolve(response)))
  })
  assert.deepEqual([stdout.length, stderr.toString(), exitCode], [16 * 2 ** 20, 'end\n', 3])
})
