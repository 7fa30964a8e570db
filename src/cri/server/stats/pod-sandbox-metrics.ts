import { containerUsage, networkUsage, type Usage } from '../../../engine/pod-usage.ts'
import {
  MetricType, type DeepPartial, type ListMetricDescriptorsRequest, type ListMetricDescriptorsResponse, type ListPodSandboxMetricsRequest, type ListPodSandboxMetricsResponse,
  type Metric, type PodSandboxMetrics, type StreamPodSandboxMetricsRequest, type StreamPodSandboxMetricsResponse,
} from '../../wire/generated/runtime-v1.ts'
import { batches } from '../batches.ts'
import type { PodFacts } from '../convert/pod-status.ts'
import { nanoseconds } from '../convert/times.ts'
import { listPodFacts } from '../find.ts'
import { oneByOne } from '../one-by-one.ts'
import type { Rpc, StreamRpc } from '../rpc.ts'
import type { Server } from '../server.ts'

interface Described { readonly name: string; readonly help: string; readonly type: MetricType; readonly of: (usage: Usage) => bigint | number }

/** Named as cAdvisor names them. */
const OF_CONTAINER: readonly Described[] = [
  { name: 'container_cpu_usage_seconds_total', help: 'Cumulative cpu time consumed in seconds.', type: MetricType.COUNTER, of: ({ cpuNs }) => cpuNs / 1_000_000_000n },
  { name: 'container_memory_usage_bytes', help: 'Current memory usage in bytes, including all memory regardless of when it was accessed.', type: MetricType.GAUGE, of: ({ memory }) => memory.usageBytes },
  { name: 'container_memory_working_set_bytes', help: 'Current working set in bytes.', type: MetricType.GAUGE, of: ({ memory }) => memory.workingSetBytes },
  { name: 'container_memory_rss', help: 'Size of RSS in bytes.', type: MetricType.GAUGE, of: ({ memory }) => memory.rssBytes },
  { name: 'container_memory_swap', help: 'Container swap usage in bytes.', type: MetricType.GAUGE, of: ({ swap }) => swap.usageBytes },
  { name: 'container_processes', help: 'Number of processes running inside the container.', type: MetricType.GAUGE, of: ({ processes }) => processes },
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

export const listPodSandboxMetrics: Rpc<ListPodSandboxMetricsRequest, ListPodSandboxMetricsResponse> = async (server) => ({ podMetrics: await all(server) })

export const streamPodSandboxMetrics: StreamRpc<StreamPodSandboxMetricsRequest, StreamPodSandboxMetricsResponse> = async function* (server) {
  for (const podSandboxMetrics of batches(await all(server))) yield { podSandboxMetrics }
}

const all = async (server: Server): Promise<DeepPartial<PodSandboxMetrics>[]> => oneByOne(await listPodFacts(server), metricsOf)

function metricsOf({ view }: PodFacts): DeepPartial<PodSandboxMetrics> {
  const timestamp = nanoseconds(Date.now())
  const pid = view.containers.find(({ status }) => status.process)?.status.process?.pid
  const interfaces = pid !== undefined && view.pod.status.netns ? networkUsage(pid) : []
  return {
    podSandboxId: view.pod.id,
    metrics: interfaces.flatMap((use) => OF_NETWORK.map(({ name, key }): DeepPartial<Metric> =>
      ({ name, timestamp, metricType: MetricType.COUNTER, labelValues: [use.name], value: { value: BigInt(use[key]) } }))),
    containerMetrics: view.containers.flatMap((row) => {
      const usage = containerUsage(row)
      if (!usage) return []
      return [{ containerId: row.id, metrics: OF_CONTAINER.map(({ name, type, of }): DeepPartial<Metric> => ({ name, timestamp, metricType: type, labelValues: [row.id, row.name], value: { value: BigInt(of(usage)) } })) }]
    }),
  }
}
