import type { Engine } from '../../engine/engine.ts'
import { compileFilters, hasLabel, pattern, truth } from '../filter.ts'
import type { Network } from './network-view.ts'
import { until } from '../until.ts'

/** Names of the networks that some container has. */
export async function usedNetworks(engine: Engine): Promise<Map<string, string[]>> {
  const used = new Map<string, string[]>()
  for (const { name, summary, status } of await engine.state.containers.list()) {
    for (const network of new Set([...summary.networks, ...(status.networks ?? []).map((one) => one.network)])) used.set(network, [...(used.get(network) ?? []), name])
  }
  return used
}

/** The filters of network ls and network prune. @throws Failure invalid */
export const networkFilter = (texts: readonly string[], used: ReadonlyMap<string, unknown>): ((network: Network) => boolean) => compileFilters<Network>(texts, {
  matches: {
    name: (network, value) => pattern(value).test(network.name),
    id: (network, value) => pattern(`^${value}`).test(network.id),
    driver: (network, value) => network.driver === value,
    label: (network, value) => hasLabel(network.labels, value),
    'label!': (network, value) => !hasLabel(network.labels, value),
    until: (network, value) => Date.parse(network.created) < Number(value),
    dangling: (network, value) => String(!used.has(network.name)) === value,
  },
  check: {
    name: (value) => (pattern(value), value), id: (value) => (pattern(`^${value}`), value), dangling: truth('dangling'),
    until,
  },
})
