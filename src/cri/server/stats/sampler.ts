// Rates and costly sums between two questions.
import type { Usage } from '../../../engine/pod-usage.ts'
import type { Engine } from '../../../engine/engine.ts'
import type { WritableUse } from '../convert/usage.ts'

export interface Sampler {
  /** Billionths of a core since the sample before. */
  nanoCores(id: string, usage: Usage): bigint | undefined
  writable(id: string): Promise<WritableUse>
  /** Forgets all but these. */
  keep(ids: ReadonlySet<string>): void
}

/** A rate over less says nothing. */
const SHORTEST_MS = 500
/** Adding up a tree of files is not for every question: each kubelet asks every ten seconds. */
const WRITABLE_MS = 60_000

export function openSampler(engine: Pick<Engine, 'storage' | 'paths'>): Sampler {
  const samples = new Map<string, { readonly usage: Usage; readonly rate: bigint | undefined }>()
  const sums = new Map<string, WritableUse>()
  return {
    nanoCores: (id, usage) => {
      const before = samples.get(id)
      if (before && usage.timeMs - before.usage.timeMs < SHORTEST_MS) return before.rate
      const rate = before && usage.cpuNs >= before.usage.cpuNs ? (usage.cpuNs - before.usage.cpuNs) * 1000n / BigInt(usage.timeMs - before.usage.timeMs) : undefined
      samples.set(id, { usage, rate })
      return rate
    },
    writable: async (id) => {
      const known = sums.get(id)
      if (known && Date.now() - known.timeMs < WRITABLE_MS) return known
      const sum = { timeMs: Date.now(), mountpoint: engine.paths.root, ...await (await engine.storage()).containers.usage(id) }
      sums.set(id, sum)
      return sum
    },
    keep: (ids) => {
      for (const cache of [samples, sums]) for (const id of cache.keys()) if (!ids.has(id)) cache.delete(id)
    },
  }
}
