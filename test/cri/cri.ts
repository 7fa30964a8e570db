// A server of the program under test, and a client of its socket.
import { credentials, type ServiceError } from '@grpc/grpc-js'
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import * as wire from '../../src/cri/wire/generated/runtime-v1.ts'
import type { Box, Running } from '../support/box.ts'
import { patience } from '../support/patience.ts'
import type { Suite } from '../support/suite.ts'

/** The generated client's unary methods, with promises and partial requests. */
type Calls<Service> = {
  readonly [Name in keyof Service]: Service[Name] extends { requestDeserialize(bytes: Buffer): infer Request; responseDeserialize(bytes: Buffer): infer Response }
    ? (request?: wire.DeepPartial<Request>) => Promise<Response> : never
}

export interface Cri {
  readonly box: Box
  readonly socket: string
  readonly runtime: Calls<typeof wire.RuntimeServiceService>
  readonly images: Calls<typeof wire.ImageServiceService>
  /** The generated clients themselves, for streams. */
  readonly raw: { readonly runtime: wire.RuntimeServiceClient; readonly images: wire.ImageServiceClient }
  server: Running
  restart(signal?: NodeJS.Signals): Promise<void>
}

export function writeNetwork(name = 'pods', { bridge, subnet } = { bridge: 'pods0', subnet: '10.200.0.0/24' }): void {
  const dir = '/etc/cni/net.d'
  mkdirSync(dir, { recursive: true })
  writeFileSync(join(dir, `10-${name}.conflist`), JSON.stringify({
    cniVersion: '1.0.0', name, plugins: [
      { type: 'bridge', bridge, isGateway: true, ipMasq: true, hairpinMode: true, ipam: { type: 'host-local', ranges: [[{ subnet }]], routes: [{ dst: '0.0.0.0/0' }] } },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  }))
}

interface OpenCri {
  readonly network?: boolean
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Global options, after the roots. */
  readonly flags?: readonly string[]
  /** Empty: the default. */
  readonly logLevel?: string
}

/** Starts `scow serve`; at the end of the test every pod and the server are taken away. */
export async function openCri(t: TestContext, suite: Suite, { network = true, args = [], env = {}, flags = [], logLevel = 'info' }: OpenCri = {}): Promise<Cri> {
  if (network) writeNetwork()
  // Hooks run in the order in which they were added: this before the box's own.
  let close = async (): Promise<void> => undefined
  t.after(() => close())
  const box = await suite.box(t, { flags })
  const socket = join(box.dir, 'cri.sock')
  const start = async (): Promise<Running> => {
    const server = box.start([...(logLevel ? ['--log-level', logLevel] : []), 'serve', '--listen', `unix://${socket}`, ...args], { timeoutMs: 300_000 * patience, env })
    await server.sees(/listening on/)
    return server
  }
  const options = { 'grpc.default_authority': 'localhost', 'grpc.initial_reconnect_backoff_ms': 50, 'grpc.max_reconnect_backoff_ms': 200 }
  const raw = {
    runtime: new wire.RuntimeServiceClient(`unix:${socket}`, credentials.createInsecure(), options),
    images: new wire.ImageServiceClient(`unix:${socket}`, credentials.createInsecure(), options),
  }
  const cri: Cri = {
    box, socket, raw, server: await start(),
    runtime: promised<typeof wire.RuntimeServiceService>(raw.runtime, wire.RuntimeServiceService),
    images: promised<typeof wire.ImageServiceService>(raw.images, wire.ImageServiceService),
    restart: async (signal = 'SIGTERM') => {
      cri.server.kill(signal)
      await cri.server.end()
      cri.server = await start()
      // A client that was refused meanwhile says so again until its next try.
      for (const client of [raw.runtime, raw.images]) await new Promise<void>((resolve, reject) => client.waitForReady(Date.now() + 30_000, (error) => (error ? reject(error) : resolve())))
    },
  }
  close = async () => {
    for (const { id } of (await cri.runtime.listPodSandbox()).items) await cri.runtime.removePodSandbox({ podSandboxId: id })
    raw.runtime.close()
    raw.images.close()
    cri.server.kill('SIGTERM')
    const { code, stderr } = await cri.server.end()
    assert.equal(code, 0, `the server's end: ${stderr}`)
  }
  return cri
}

type Method = (request: object, callback: (error: Error | null, response: unknown) => void) => void
interface Message { fromPartial(partial: object): object }

function promised<Service extends object>(client: object, service: Service): Calls<Service> {
  return Object.fromEntries(Object.keys(service).map((name) => {
    const request = (wire as unknown as Record<string, Message>)[`${name[0]!.toUpperCase()}${name.slice(1)}Request`]
    const call = (client as Record<string, Method>)[name]!
    return [name, (partial: object = {}) => new Promise((resolve, reject) => {
      call.call(client, request!.fromPartial(partial), (error, response) => (error ? reject(error) : resolve(response)))
    })]
  })) as unknown as Calls<Service>
}

let pods = 0

/** A sandbox config with a name of its own. */
export const podConfig = (more: wire.DeepPartial<wire.PodSandboxConfig> = {}): wire.DeepPartial<wire.PodSandboxConfig> => {
  const name = `pod-${++pods}`
  return { metadata: { name, uid: `uid-${name}`, namespace: 'tests', attempt: 0 }, linux: {}, labels: { app: name }, logDirectory: `/tmp/logs/${name}`, ...more }
}

export const containerConfig = (image: string, command: readonly string[], more: wire.DeepPartial<wire.ContainerConfig> = {}): wire.DeepPartial<wire.ContainerConfig> =>
  ({ metadata: { name: 'main', attempt: 0 }, image: { image }, command: [...command], logPath: 'main.log', linux: {}, ...more })

/** A running container in `podSandboxId`. */
export async function startIn(cri: Cri, podSandboxId: string, config: wire.DeepPartial<wire.ContainerConfig>): Promise<string> {
  const { containerId } = await cri.runtime.createContainer({ podSandboxId, config })
  await cri.runtime.startContainer({ containerId })
  return containerId
}

/** The status of a container, waited for until it is in `state`. */
export async function untilState(cri: Cri, containerId: string, state: wire.ContainerState): Promise<wire.ContainerStatus> {
  for (let tries = 0; tries < 400 * patience; tries++) {
    const { status } = await cri.runtime.containerStatus({ containerId })
    if (status?.state === state) return status
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  assert.fail(`container ${containerId} never came to state ${state}`)
}

export const codeOf = async (act: Promise<unknown>): Promise<number> => act.then(() => 0, (error: ServiceError) => error.code)
