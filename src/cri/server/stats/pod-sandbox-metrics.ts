import { networkProcess } from '../../../engine/find-pod.ts'
import { containerUsage, networkUsage, type Usage } from '../../../engine/pod-usage.ts'
import {
  MetricType, PodSandboxMetrics, type ContainerMetrics, type DeepPartial, type ListMetricDescriptorsRequest, type ListMetricDescriptorsResponse, type ListPodSandboxMetricsRequest,
  type Metric, type StreamPodSandboxMetricsRequest, type StreamPodSandboxMetricsResponse,
} from '../../wire/generated/runtime-v1.ts'
import { batches } from '../batches.ts'
import type { ContainerFacts } from '../convert/container-status.ts'
import type { PodFacts } from '../convert/pod-status.ts'
import { nanoseconds } from '../convert/times.ts'
import type { WritableUse } from '../convert/usage.ts'
import { factsOf, listPodFacts } from '../find.ts'
import { listedOneByOne, oneByOne } from '../one-by-one.ts'
import type { EncodedRpc, Rpc, StreamRpc } from '../rpc.ts'
import type { Server } from '../server.ts'

interface Described {
  readonly name: string
  readonly help: string
  readonly type: MetricType
  /** Undefined: this machine or container has no such value. */
  readonly of: (usage: Usage, writable: WritableUse) => bigint | number | undefined
}

const seconds = (microseconds: number | undefined): number | undefined => (microseconds === undefined ? undefined : Math.floor(microseconds / 1e6))

/** Named as cAdvisor names them. */
const OF_CONTAINER: readonly Described[] = [
  { name: 'container_cpu_usage_seconds_total', help: 'Cumulative cpu time consumed in seconds.', type: MetricType.COUNTER, of: ({ cpuNs }) => cpuNs / 1_000_000_000n },
  { name: 'container_memory_usage_bytes', help: 'Current memory usage in bytes, including all memory regardless of when it was accessed.', type: MetricType.GAUGE, of: ({ memory }) => memory.usageBytes },
  { name: 'container_memory_working_set_bytes', help: 'Current working set in bytes.', type: MetricType.GAUGE, of: ({ memory }) => memory.workingSetBytes },
  { name: 'container_memory_rss', help: 'Size of RSS in bytes.', type: MetricType.GAUGE, of: ({ memory }) => memory.rssBytes },
  { name: 'container_memory_swap', help: 'Container swap usage in bytes.', type: MetricType.GAUGE, of: ({ swap }) => swap.usageBytes },
  { name: 'container_spec_memory_limit_bytes', help: 'Memory limit for the container.', type: MetricType.GAUGE, of: ({ memory }) => memory.limitBytes },
  { name: 'container_fs_usage_bytes', help: 'Bytes that the container has written to its own layer.', type: MetricType.GAUGE, of: (_, { bytes }) => bytes },
  { name: 'container_fs_inodes_total', help: 'Number of files in the container\'s own layer.', type: MetricType.GAUGE, of: (_, { inodes }) => inodes },
  { name: 'container_processes', help: 'Number of processes running inside the container.', type: MetricType.GAUGE, of: ({ processes }) => processes },
  ...(['cpu', 'memory', 'io'] as const).flatMap((what): Described[] => [
    { name: `container_pressure_${what}_waiting_seconds_total`, help: `Seconds in which some tasks waited for ${what}.`, type: MetricType.COUNTER, of: ({ pressure }) => seconds(pressure[what]?.some.total) },
    { name: `container_pressure_${what}_stalled_seconds_total`, help: `Seconds in which all tasks waited for ${what}.`, type: MetricType.COUNTER, of: ({ pressure }) => seconds(pressure[what]?.full.total) },
  ]),
]
const OF_NETWORK = [
  { name: 'container_network_receive_bytes_total', help: 'Cumulative count of bytes received.', key: 'rxBytes' },
  { name: 'container_network_receive_errors_total', help: 'Cumulative count of errors encountered while receiving.', key: 'rxErrors' },
  { name: 'container_network_transmit_bytes_total', help: 'Cumulative count of bytes transmitted.', key: 'txBytes' },
  { name: 'container_network_transmit_errors_total', help: 'Cumulative count of errors encountered while transmitting.', key: 'txErrors' },
] as const

const CONTAINER_LABELS = ['container', 'name']
const NETWORK_LABELS = ['interface']

export const listMetricDescriptors: Rpc<ListMetricDescriptorsRequest, ListMetricDescriptorsResponse> = async () => ({
  descriptors: [
    ...OF_CONTAINER.map(({ name, help }) => ({ name, help, labelKeys: CONTAINER_LABELS })),
    ...OF_NETWORK.map(({ name, help }) => ({ name, help, labelKeys: NETWORK_LABELS })),
  ],
})

export const listPodSandboxMetrics: EncodedRpc<ListPodSandboxMetricsRequest> = async (server) => listedOneByOne(await listPodFacts(server), (pod) => metricsOf(server, pod), PodSandboxMetrics)

export const streamPodSandboxMetrics: StreamRpc<StreamPodSandboxMetricsRequest, StreamPodSandboxMetricsResponse> = async function* (server) {
  for (const pods of batches(await listPodFacts(server))) yield { podSandboxMetrics: await oneByOne(pods, (pod) => metricsOf(server, pod)) }
}

async function metricsOf(server: Server, { view }: PodFacts): Promise<DeepPartial<PodSandboxMetrics>> {
  const timestamp = nanoseconds(Date.now())
  const pid = networkProcess(view)
  const containers = await Promise.all(view.containers.map((row) => factsOf(server, row)))
  return {
    podSandboxId: view.pod.id,
    metrics: (pid === undefined ? [] : networkUsage(pid)).flatMap((use) => OF_NETWORK.map(({ name, key }): DeepPartial<Metric> =>
      ({ name, timestamp, metricType: MetricType.COUNTER, labelValues: [use.name], value: { value: BigInt(use[key]) } }))),
    containerMetrics: (await oneByOne(containers, (facts) => facts && metricsOfContainer(server, facts))).filter((one) => one !== undefined),
  }
}

/** Undefined for one that doesn't run. */
async function metricsOfContainer({ sampler }: Server, { row, config }: ContainerFacts): Promise<DeepPartial<ContainerMetrics> | undefined> {
  const usage = containerUsage(row)
  if (!usage) return undefined
  const writable = await sampler.writable(row.id)
  const timestamp = nanoseconds(usage.timeMs)
  return {
    containerId: row.id,
    metrics: OF_CONTAINER.flatMap(({ name, type, of }): DeepPartial<Metric>[] => {
      const value = of(usage, writable)
      return value === undefined ? [] : [{ name, timestamp, metricType: type, labelValues: [config.metadata?.name ?? '', row.name], value: { value: BigInt(value) } }]
    }),
  }
}
