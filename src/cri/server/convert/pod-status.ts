import type { PodView } from '../../../engine/find-pod.ts'
import { PodSandboxState, type DeepPartial, type PodSandbox, type PodSandboxStatus } from '../../wire/generated/runtime-v1.ts'
import type { PodSource } from '../sources.ts'
import { nanoseconds } from './times.ts'

export interface PodFacts { readonly view: PodView; readonly source: PodSource }

export const podStateOf = ({ ready }: Pick<PodView, 'ready'>): PodSandboxState => (ready ? PodSandboxState.SANDBOX_READY : PodSandboxState.SANDBOX_NOTREADY)

/** As ListPodSandbox shows it. */
export const podSandboxOf = ({ view, source: { config, runtimeHandler } }: PodFacts): DeepPartial<PodSandbox> => ({
  id: view.pod.id, metadata: config.metadata, state: podStateOf(view), createdAt: nanoseconds(view.pod.createdAtMs),
  labels: config.labels, annotations: config.annotations, runtimeHandler,
})

export function podStatusOf({ view, source: { config, runtimeHandler } }: PodFacts): DeepPartial<PodSandboxStatus> {
  const [ip = '', ...others] = view.ready ? view.pod.status.networks.flatMap(({ ips }) => ips.map(({ address }) => address.replace(/\/.*$/, ''))) : []
  const options = config.linux?.securityContext?.namespaceOptions
  return {
    ...podSandboxOf({ view, source: { config, runtimeHandler } }),
    network: { ip, additionalIps: others.map((address) => ({ ip: address })) },
    linux: { namespaces: { options: options ?? {} } },
  }
}
