// What was attached, kept beside the leases so that DEL works after a reboot and after the configuration changed.
// The format is the one other CNI runtimes keep (kind cniCacheV1). An entry is written before ADD, without a result,
// and again after it: whatever point a crash hits, there is something to DEL with. Not synced: what a power cut
// takes is found again by its lease (collect-garbage.ts).
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'

import { makeDir } from '../fs/remove-tree.ts'
import { removeUnfinished, writeFileAtomic } from '../fs/write-atomic.ts'
import { log } from '../log.ts'
import type { Attachment, NetworkList } from './cni-types.ts'
import { parseList } from './conflist.ts'

const KIND = 'cniCacheV1'
const MAX_BYTES = 4 << 20

export interface CacheEntry {
  readonly list: NetworkList
  readonly attachment: Attachment
  /** As the last plugin gave it; absent when ADD has not ended. */
  readonly result?: unknown
}

const entrySchema = v.object({
  kind: v.literal(KIND),
  containerId: v.string(),
  config: v.string(),
  ifName: v.string(),
  networkName: v.string(),
  netns: v.optional(v.string(), ''),
  cniArgs: v.nullish(v.array(v.tuple([v.string(), v.string()]))),
  capabilityArgs: v.nullish(v.record(v.string(), v.unknown())),
  result: v.nullish(v.unknown()),
})

const fileName = (network: string, containerId: string, ifName: string): string => `${network}-${containerId}-${ifName}`

/** Replaces the entry in one step. */
export const saveEntry = (dir: string, { list, attachment, result }: CacheEntry): void => {
  const { containerId, ifName, netns, args, capabilityArgs } = attachment
  const { file: _, ...inlined } = list
  const config = { ...inlined, loadOnlyInlinedPlugins: true }
  const record = {
    kind: KIND, containerId, config: Buffer.from(JSON.stringify(config)).toString('base64'), ifName,
    networkName: list.name, netns, cniArgs: args, capabilityArgs, ...(result === undefined ? {} : { result }),
  }
  makeDir(dir, 0o700)
  writeFileAtomic(join(dir, fileName(list.name, containerId, ifName)), JSON.stringify(record), { mode: 0o600, sync: false })
}

/** Idempotent. */
export const removeEntry = (dir: string, { list, attachment }: CacheEntry): void => {
  const file = join(dir, fileName(list.name, attachment.containerId, attachment.ifName))
  removeUnfinished(file)
  rmSync(file, { force: true })
}

/** What writers left that were killed. Only while nobody writes. */
export const removeUnfinishedEntries = (dir: string): void => {
  for (const name of fileNames(dir).filter(isUnfinished)) rmSync(join(dir, name), { force: true })
}

const isUnfinished = (name: string): boolean => /\.\d+\.\d+\.tmp$/.test(name)

/** Entries of one container, or all, in the order they were attached in: by interface name. */
export const readEntries = (dir: string, containerId?: string): CacheEntry[] =>
  fileNames(dir)
    .filter((name) => !isUnfinished(name) && (containerId === undefined || name.includes(`-${containerId}-`)))
    .flatMap((name) => readEntry(join(dir, name)) ?? [])
    .filter(({ attachment }) => containerId === undefined || attachment.containerId === containerId)
    .sort((a, b) => interfaceOrder(a.attachment.ifName) - interfaceOrder(b.attachment.ifName))

const interfaceOrder = (name: string): number => Number(/\d+$/.exec(name)?.[0] ?? 0)

const fileNames = (dir: string): string[] => {
  try {
    return readdirSync(dir)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/** A damaged entry, as a power cut leaves it, counts as none: its lease is collected later. */
const readEntry = (path: string): CacheEntry | undefined => {
  try {
    const bytes = readFileSync(path)
    if (bytes.length > MAX_BYTES) throw new Error('too large')
    const { containerId, config, ifName, netns, cniArgs, capabilityArgs, result } = v.parse(entrySchema, JSON.parse(String(bytes)))
    const list = parseList(Buffer.from(config, 'base64').toString(), path)
    const attachment = { containerId, ifName, netns, args: cniArgs ?? [], capabilityArgs: capabilityArgs ?? {} }
    return { list, attachment, ...(result == null ? {} : { result }) }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    log.warn(`cached network result ${path} is damaged and ignored: ${String(error)}`)
    return undefined
  }
}
