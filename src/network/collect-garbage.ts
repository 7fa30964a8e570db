// Frees what containers left that no longer exist: attachments the cache knows, leases that it doesn't (a power cut
// takes an unsynced entry, but not the address it held), and what only plugins know (GC, since CNI 1.1).
import { readFileSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

import { lockFile } from '../fs/lock.ts'
import { log } from '../log.ts'
import { readEntries, removeUnfinishedEntries } from './cache.ts'
import type { CacheEntry } from './cache.ts'
import type { NetworkList } from './cni-types.ts'
import { detachEntry } from './detach.ts'
import type { Wiring } from './detach.ts'
import { gcList, hasGc } from './plugin-list.ts'

/** Then somebody's plugin hangs, and the collection is for another time: Failure timeout. */
const LOCK_WAIT_MS = 60_000

type Alive = () => ReadonlySet<string> | Promise<ReadonlySet<string>>

/**
 * Who is dead is settled while nobody attaches; what takes long, the plugins' DEL, runs beside other attaches: an id
 * that is dead once never comes back.
 */
export const collectGarbage = async (wiring: Wiring, lists: readonly NetworkList[], alive: Alive): Promise<{ removed: string[] }> => {
  const { dead, owners } = await settle(wiring, alive)
  const removed = new Set(owners)
  {
    using _ = await lockFile(wiring.operationsLock(), { shared: true })
    for (const entry of dead) {
      await tolerated(`network ${entry.list.name} of removed container ${entry.attachment.containerId}`, async () => {
        await detachEntry(wiring, entry)
        removed.add(entry.attachment.containerId)
      })
    }
  }
  const collectors = lists.filter(hasGc)
  if (collectors.length > 0) await askPlugins(wiring, collectors)
  return { removed: [...removed] }
}

const settle = async (wiring: Wiring, alive: Alive): Promise<{ dead: CacheEntry[]; owners: string[] }> => {
  using _ = await lockFile(wiring.operationsLock(), { wait: LOCK_WAIT_MS })
  const living = await alive()
  removeUnfinishedEntries(wiring.resultsDir)
  const entries = readEntries(wiring.resultsDir)
  const known = new Set([...living, ...entries.map(({ attachment }) => attachment.containerId)])
  const owners = await removeLeases(wiring.leasesDir, (owner) => !known.has(owner))
  return { dead: entries.filter(({ attachment }) => !living.has(attachment.containerId)), owners }
}

const askPlugins = async (wiring: Wiring, lists: readonly NetworkList[]): Promise<void> => {
  using _ = await lockFile(wiring.operationsLock(), { wait: LOCK_WAIT_MS })
  const entries = readEntries(wiring.resultsDir)
  for (const list of lists) {
    const valid = entries.filter((entry) => entry.list.name === list.name)
      .map(({ attachment }) => ({ containerID: attachment.containerId, ifname: attachment.ifName }))
    await tolerated(`garbage of network ${list.name}`, async () => gcList(wiring.plugins, list, valid))
  }
}

const tolerated = async (what: string, act: () => Promise<void>): Promise<void> => {
  try {
    await act()
  } catch (error) {
    log.warn(`${what} is not cleaned up: ${(error as Error).message}`)
  }
}

/** host-local's files: <dir>/<network>/<address> holds `<container id>\r\n<interface>`; its own lock is taken. */
const removeLeases = async (dir: string, isDead: (owner: string) => boolean): Promise<string[]> => {
  const owners: string[] = []
  for (const network of entriesOf(dir)) {
    using _ = await lockFile(join(dir, network, 'lock'))
    for (const address of entriesOf(join(dir, network)).filter((name) => /^[0-9a-f]+[.:_]/i.test(name))) {
      const owner = readFileSync(join(dir, network, address), 'utf8').split(/\s/)[0]!
      if (owner !== '' && !isDead(owner)) continue
      rmSync(join(dir, network, address), { force: true })
      if (owner !== '') owners.push(owner)
    }
  }
  return owners
}

const entriesOf = (dir: string): string[] => {
  try {
    return readdirSync(dir)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
