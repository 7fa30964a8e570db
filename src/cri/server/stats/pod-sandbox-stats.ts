import { networkProcess } from '../../../engine/find-pod.ts'
import { cgroupUsage, containerUsage, networkUsage, parentPath, type Usage } from '../../../engine/pod-usage.ts'
import {
  PodSandboxStats, type DeepPartial, type ListPodSandboxStatsRequest, type PodSandboxStatsFilter, type PodSandboxStatsRequest, type PodSandboxStatsResponse,
  type StreamPodSandboxStatsRequest, type StreamPodSandboxStatsResponse,
} from '../../wire/generated/runtime-v1.ts'
import { batches } from '../batches.ts'
import type { PodFacts } from '../convert/pod-status.ts'
import { nanoseconds } from '../convert/times.ts'
import { cpuOf, ioOf, memoryOf, networkOf } from '../convert/usage.ts'
import { factsOf, hasLabels, listPodFacts, needPod } from '../find.ts'
import { listedOneByOne, oneByOne } from '../one-by-one.ts'
import type { EncodedRpc, Rpc, StreamRpc } from '../rpc.ts'
import type { Server } from '../server.ts'
import { statsOfContainer } from './container-stats.ts'

export const podSandboxStats: Rpc<PodSandboxStatsRequest, PodSandboxStatsResponse> = async (server, { podSandboxId }) =>
  ({ stats: await statsOfPod(server, await needPod(server, podSandboxId)) })

export const listPodSandboxStats: EncodedRpc<ListPodSandboxStatsRequest> = async (server, { filter }) =>
  listedOneByOne(await matching(server, filter), (pod) => statsOfPod(server, pod), PodSandboxStats)

export const streamPodSandboxStats: StreamRpc<StreamPodSandboxStatsRequest, StreamPodSandboxStatsResponse> = async function* (server, { filter }) {
  for (const pods of batches(await matching(server, filter))) yield { podSandboxStats: await oneByOne(pods, (pod) => statsOfPod(server, pod)) }
}

async function matching(server: Server, filter: PodSandboxStatsFilter | undefined): Promise<PodFacts[]> {
  return (await listPodFacts(server)).filter(({ view, source }) => view.pod.id.startsWith(filter?.id ?? '') && hasLabels(source.config.labels, filter?.labelSelector))
}

export async function statsOfPod(server: Server, { view, source: { config } }: PodFacts): Promise<DeepPartial<PodSandboxStats>> {
  const facts = (await Promise.all(view.containers.map((row) => factsOf(server, row)))).filter((one) => one !== undefined)
  const usages = await oneByOne(view.containers, containerUsage)
  const usage = podUsage(view, usages)
  const pid = networkProcess(view)
  const network = pid === undefined ? undefined : networkOf(networkUsage(pid), view.pod.status.networks[0]?.interfaceName)
  return {
    attributes: { id: view.pod.id, metadata: config.metadata, labels: config.labels, annotations: config.annotations },
    linux: {
      ...(usage ? { cpu: cpuOf(usage, server.sampler.nanoCores(view.pod.id, usage)), memory: memoryOf(usage), process: { timestamp: nanoseconds(usage.timeMs), processCount: { value: BigInt(usage.processes) } } } : {}),
      ...(usage?.pressure.io ? { io: ioOf(usage) } : {}),
      ...(network ? { network } : {}),
      containers: await oneByOne(facts, (one) => statsOfContainer(server, one, usages[view.containers.indexOf(one.row)])),
    },
  }
}

/** Of the pod's own cgroup where it was given one, else the sum over its containers. */
function podUsage({ pod }: PodFacts['view'], containers: readonly (Usage | undefined)[]): Usage | undefined {
  const parent = pod.record.request.cgroupParent
  const whole = parent ? cgroupUsage(parentPath(parent)) : undefined
  if (whole) return whole
  const parts = containers.filter((part) => part !== undefined)
  const [first] = parts
  if (!first) return undefined
  const sum = (of: (usage: Usage) => number): number => parts.reduce((total, part) => total + of(part), 0)
  return {
    timeMs: first.timeMs, cpuNs: parts.reduce((total, { cpuNs }) => total + cpuNs, 0n), processes: sum(({ processes }) => processes), pressure: {},
    memory: {
      usageBytes: sum(({ memory }) => memory.usageBytes), workingSetBytes: sum(({ memory }) => memory.workingSetBytes), rssBytes: sum(({ memory }) => memory.rssBytes),
      pageFaults: sum(({ memory }) => memory.pageFaults), majorPageFaults: sum(({ memory }) => memory.majorPageFaults),
    },
    swap: { usageBytes: sum(({ swap }) => swap.usageBytes), availableBytes: sum(({ swap }) => swap.availableBytes) },
  }
}
