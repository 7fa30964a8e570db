// Frees what containers left that no longer exist: attachments the cache knows, leases that it doesn't (a power cut
// takes an unsynced entry, but not the address it held), and what only plugins know (GC, since CNI 1.1).
import { readFileSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

import { lockFile } from '../fs/lock.ts'
import { log } from '../log.ts'
import { readEntries } from './cache.ts'
import type { NetworkList } from './cni-types.ts'
import { detachEntry } from './detach.ts'
import type { Wiring } from './detach.ts'
import { gcList } from './plugin-list.ts'

type Alive = () => ReadonlySet<string> | Promise<ReadonlySet<string>>

export const collectGarbage = async (wiring: Wiring, lists: readonly NetworkList[], alive: Alive): Promise<{ removed: string[] }> => {
  using _ = await lockFile(wiring.operationsLock())
  const living = await alive()
  const removed = new Set<string>()
  for (const entry of readEntries(wiring.resultsDir).filter(({ attachment }) => !living.has(attachment.containerId))) {
    await tolerated(`network ${entry.list.name} of removed container ${entry.attachment.containerId}`, async () => {
      await detachEntry(wiring, entry)
      removed.add(entry.attachment.containerId)
    })
  }
  const kept = readEntries(wiring.resultsDir)
  const owners = new Set([...living, ...kept.map(({ attachment }) => attachment.containerId)])
  for (const id of await removeLeases(wiring.leasesDir, (owner) => !owners.has(owner))) removed.add(id)
  for (const list of lists) {
    const valid = kept.filter((entry) => entry.list.name === list.name)
      .map(({ attachment }) => ({ containerID: attachment.containerId, ifname: attachment.ifName }))
    await tolerated(`garbage of network ${list.name}`, async () => gcList(wiring.plugins, list, valid))
  }
  return { removed: [...removed] }
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
