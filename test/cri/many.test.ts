import '../support/jail.ts'
import assert from 'node:assert/strict'
import test from 'node:test'
import { NamespaceMode, type Container, type ContainerStats, type StreamContainersResponse, type StreamContainerStatsResponse, type StreamImagesResponse, type StreamPodSandboxesResponse } from '../../src/cri/wire/generated/runtime-v1.ts'
import { openSuite } from '../support/suite.ts'
import { containerConfig, openCri, podConfig } from './cri.ts'

const suite = openSuite()
/** Some of the batches that streams come in. */
const MANY = 350
const ALONE = { linux: { securityContext: { namespaceOptions: { network: NamespaceMode.NODE, pid: NamespaceMode.CONTAINER } } } }

/** Every message of a stream, after its end. */
const collect = <Message>(stream: { on(event: 'data', take: (message: Message) => void): unknown; on(event: 'end', done: () => void): unknown; on(event: 'error', fail: (error: Error) => void): unknown }): Promise<Message[]> =>
  new Promise((resolve, reject) => {
    const messages: Message[] = []
    stream.on('data', (message: Message) => messages.push(message))
    stream.on('end', () => resolve(messages))
    stream.on('error', reject)
  })

test(`lists of ${MANY} containers come in parts, each once, and in whole`, async (t) => {
  const cri = await openCri(t, suite)
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config: podConfig(ALONE) })
  const ids: string[] = []
  const worker = async (first: number): Promise<void> => {
    for (let n = first; n < MANY; n += 8) ids.push((await cri.runtime.createContainer({ podSandboxId, config: containerConfig(suite.busybox, ['true'], { ...ALONE, metadata: { name: `c${n}` }, logPath: '' }) })).containerId)
  }
  await Promise.all(Array.from({ length: 8 }, (_, first) => worker(first)))
  const wanted = [...ids].sort()
  const parts = await collect<StreamContainersResponse>(cri.raw.runtime.streamContainers({ filter: undefined }))
  const streamed: Container[] = parts.flatMap(({ containers }) => containers)
  assert.ok(parts.length >= 3)
  assert.deepEqual(streamed.map(({ id }) => id).sort(), wanted)
  const { containers } = await cri.runtime.listContainers()
  assert.deepEqual(containers.map(({ id }) => id), streamed.map(({ id }) => id))
  const stats: ContainerStats[] = (await collect<StreamContainerStatsResponse>(cri.raw.runtime.streamContainerStats({ filter: undefined }))).flatMap(({ containerStats }) => containerStats)
  assert.deepEqual(stats.map(({ attributes }) => attributes!.id).sort(), wanted)
  const pods = await collect<StreamPodSandboxesResponse>(cri.raw.runtime.streamPodSandboxes({ filter: undefined }))
  assert.deepEqual(pods.flatMap(({ podSandboxes }) => podSandboxes.map(({ id }) => id)), [podSandboxId])
  const images = await collect<StreamImagesResponse>(cri.raw.images.streamImages({ filter: undefined }))
  assert.equal(images.flatMap((part) => part.images).length, 1)
})
