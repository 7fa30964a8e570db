// DEL for a container, from what the cache says was added.
import { lockFile } from '../fs/lock.ts'
import { removeAbandoned } from '../fs/write-atomic.ts'
import { log } from '../log.ts'
import { readEntries, removeEntry } from './cache.ts'
import type { CacheEntry } from './cache.ts'
import { isNamespace } from './netns.ts'
import type { RulesHost } from './network-rules.ts'
import type { DetachRequest } from './networks.ts'
import { delList } from './plugin-list.ts'
import type { PluginHost } from './run-plugin.ts'

/** What attach, detach and the collection need. */
export interface Wiring {
  readonly plugins: PluginHost
  readonly rules: RulesHost
  /** Told of files that are no network; each complaint is passed on once, however often the files are read. */
  readonly complain: (why: string) => void
  readonly resultsDir: string
  readonly leasesDir: string
  /** Shared by ADD and DEL, exclusive for GC, which may not run beside them. */
  readonly operationsLock: () => string
}

export const detach = async (wiring: Wiring, { containerId, netns, networks }: DetachRequest): Promise<void> => {
  using _ = await lockFile(wiring.operationsLock(), { shared: true })
  const entries = readEntries(wiring.resultsDir, containerId).filter(({ list }) => networks?.includes(list.name) ?? true)
  const errors: unknown[] = []
  for (const entry of entries.toReversed()) {
    try {
      await detachEntry(wiring, entry, netns)
    } catch (error) {
      if (errors.length > 0) log.warn(`network ${entry.list.name} of container ${containerId}: ${(error as Error).message}`)
      errors.push(error)
    }
  }
  // An attach that was killed in mid write has left no entry, only this.
  removeAbandoned(wiring.resultsDir)
  if (errors.length > 0) throw errors[0]
}

/** The entry goes only when every plugin was content, so that what is left can be freed later. */
export const detachEntry = async (wiring: Wiring, entry: CacheEntry, netns = entry.attachment.netns): Promise<void> => {
  const attachment = { ...entry.attachment, netns: isNamespace(netns) ? netns : '' }
  await delList(wiring.plugins, { list: entry.list, attachment }, entry.result)
  removeEntry(wiring.resultsDir, entry)
}
