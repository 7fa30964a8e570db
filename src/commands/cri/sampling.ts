// Rates: two readings some time apart, once or again and again.
import { setTimeout as sleep } from 'node:timers/promises'
import { LONGEST_TIMER_MS } from '../../clock.ts'
import type { Output } from '../../cli/output.ts'
import type { CpuUsage } from '../../cri/wire/generated/runtime-v1.ts'

interface Sampling<T> { readonly read: () => Promise<readonly T[]>; readonly idOf: (item: T) => string; readonly seconds: number; readonly signal: AbortSignal }

export async function sampled<T>({ read, idOf, seconds, signal }: Sampling<T>): Promise<{ before: Map<string, T>; now: readonly T[] }> {
  const before = new Map((await read()).map((item) => [idOf(item), item]))
  await sleep(Math.min(Math.max(seconds * 1000, 0), LONGEST_TIMER_MS), undefined, { signal })
  return { before, now: await read() }
}

/** Percent of one processor, two digits; `0.00` where the runtime has not measured again. */
export function percentOfCpu(now: CpuUsage | undefined, old: CpuUsage | undefined): string {
  const duration = Number((now?.timestamp ?? 0n) - (old?.timestamp ?? 0n))
  const used = Number((now?.usageCoreNanoSeconds?.value ?? 0n) - (old?.usageCoreNanoSeconds?.value ?? 0n))
  return (duration > 0 && used > 0 ? (used / duration) * 100 : 0).toFixed(2)
}

const WATCH_MS = 500

interface Watching { readonly out: Output; readonly signal: AbortSignal }

/** Once, or until interrupted; each turn on a terminal begins on a clean screen. */
export async function repeat(isWatching: boolean, { out, signal }: Watching, act: (show: (text: string) => void) => Promise<void>): Promise<void> {
  if (!isWatching) return act((text) => out.write(text))
  while (!signal.aborted) {
    try {
      await act((text) => out.write(out.isTerminal ? `\x1b[2J\x1b[H${text}` : text))
      await sleep(WATCH_MS, undefined, { signal })
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }
}
