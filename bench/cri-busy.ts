// How long a question waits while the server has much to do: a pull goes on, and a kubelet's lists and statistics of 200
// running containers are asked for again and again.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Peer } from './cri.ts'
import type { Row } from './measure.ts'

export const BUSY_MEDIAN = 'CRI: Version beside lists of 200 containers and a pull'
export const BUSY_LATE = 'CRI: of those, the latest but 1 in 100'
export const BUSY_LATEST = 'CRI: of those, the latest'
const PULLS = 3
const ASK_MS = 10
const LIST_MS = 250

/** The kubelet asks for these in turn; of what it asks for every 10 s, much more is asked here. */
const LISTS = ['listContainers', 'listPodSandbox', 'listContainerStats', 'status'] as const

export async function busyRows(peers: readonly Peer[], image: string): Promise<Row[]> {
  const waits = new Map(peers.map(({ name }) => [name, [] as number[]]))
  for (let run = 0; run < PULLS; run++) for (const peer of peers) waits.get(peer.name)!.push(...await askDuringPull(peer, image))
  const row = (what: string, share: number): Row => ({
    what, unit: 'ms', runs: Math.min(...[...waits.values()].map(({ length }) => length)),
    medians: Object.fromEntries([...waits].map(([name, list]) => [name, ranked(list, share)])),
  })
  return [row(BUSY_MEDIAN, 0.5), row(BUSY_LATE, 0.99), row(BUSY_LATEST, 1)]
}

async function askDuringPull({ client }: Peer, image: string): Promise<number[]> {
  const pull = { over: false }
  const pulling = client.call('images', 'pullImage', { image: { image } }).finally(() => { pull.over = true })
  const listing = (async () => {
    for (let turn = 0; !pull.over; turn++) {
      await client.call('runtime', LISTS[turn % LISTS.length]!, {})
      await sleep(LIST_MS)
    }
  })()
  const waits: number[] = []
  while (!pull.over) {
    const began = performance.now()
    await client.call('runtime', 'version', { version: '0.1.0' })
    waits.push(performance.now() - began)
    await sleep(ASK_MS)
  }
  await Promise.all([pulling, listing])
  await client.call('images', 'removeImage', { image: { image } })
  return waits
}

const ranked = (list: readonly number[], share: number): number => [...list].sort((a, b) => a - b)[Math.ceil(share * list.length) - 1]!
