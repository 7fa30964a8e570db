// Lists of our own: files in the networks directory, changed under one lock, each whole or not there.
import { mkdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'

import { Failure } from '../errors.ts'
import { lockFile } from '../fs/lock.ts'
import { syncDir, writeFileAtomic } from '../fs/write-atomic.ts'
import { removeBridge, reserveBridge } from './bridge-link.ts'
import type { NetworkList } from './cni-types.ts'
import { OWN_DEFAULT, composeList } from './compose-list.ts'
import { loadLists } from './conflist.ts'
import { chooseBridge, chooseFreeSubnet, planNetwork } from './create-network.ts'
import type { Surroundings } from './create-network.ts'
import type { Wiring } from './detach.ts'
import { hostInterfaces, hostSubnets, reservedSubnets } from './host-subnets.ts'
import { removeRules } from './network-rules.ts'
import { viewOf } from './network-view.ts'
import type { CreateNetwork, NetworkOptions, NetworkView } from './networks.ts'
import { findPlugin } from './run-plugin.ts'

const DEFAULT_POOLS = [{ base: '10.89.0.0/16', size: 24 }, { base: '10.90.0.0/15', size: 24 }, { base: '10.92.0.0/14', size: 24 }, { base: '10.96.0.0/11', size: 24 }]

export const createNetwork = async (options: NetworkOptions, wiring: Wiring, request: CreateNetwork): Promise<NetworkView> => {
  using _ = await lockNetworks(options)
  const existing = request.ignoreExisting ? lookAround(options).lists.find(({ name }) => name === request.name) : undefined
  return viewOf(existing ?? await settle(options, wiring, (around) => planNetwork(request, around)))
}

/** Makes the default network when it is missing; of several processes one does, the others find it. */
export const ensureDefaultNetwork = async (options: NetworkOptions, wiring: Wiring): Promise<NetworkList> => {
  using _ = await lockNetworks(options)
  const existing = lookAround(options).lists.find(({ name }) => name === OWN_DEFAULT)
  return existing ?? await settle(options, wiring, (around) => composeList({
    name: OWN_DEFAULT, driver: 'bridge', interface: chooseBridge(0, around), subnets: [chooseFreeSubnet(around)], routes: [], ipamDriver: 'host-local',
    internal: false, ipv6: false, dns: false, labels: {}, options: {}, leasesDir: around.leasesDir, created: around.now.toISOString(),
  }))
}

const ATTEMPTS = 16

/** Plans anew when another installation took the bridge between look and reservation; an existing one that was asked for is used. */
const settle = async (options: NetworkOptions, { rules }: Wiring, plan: (around: Surroundings) => NetworkList): Promise<NetworkList> => {
  let list = plan(lookAround(options))
  for (let attempt = 1; attempt < ATTEMPTS && !(await reserveBridge(rules, viewOf(list))); attempt += 1) list = plan(lookAround(options))
  const file = join(options.networksDir, `${list.name}.conflist`)
  writeList(file, list)
  return { ...list, file }
}

/** Removes list, bridge, rules and leases, in that order: a crash leaves nothing that a new network would stumble on. */
export const removeNetwork = async (options: NetworkOptions, wiring: Wiring, list: NetworkList): Promise<NetworkView> => {
  const view = viewOf(list)
  if (list.name === OWN_DEFAULT) throw new Failure('wrongState', `default network ${list.name} cannot be removed`)
  if (!list.scow || !list.file || dirname(list.file) !== options.networksDir) {
    throw new Failure('wrongState', `network ${list.name} is not ours to remove: it is configured by ${list.file}`)
  }
  using _ = await lockNetworks(options)
  rmSync(list.file, { force: true })
  syncDir(options.networksDir)
  await removeRules(wiring.rules, view)
  if (view.driver === 'bridge' && view.network_interface) await removeBridge(wiring.rules, view.network_interface)
  rmSync(join(wiring.leasesDir, list.name), { recursive: true, force: true })
  return view
}

const lockNetworks = async ({ locksDir }: NetworkOptions) => {
  mkdirSync(locksDir, { recursive: true, mode: 0o700 })
  return await lockFile(join(locksDir, 'networks'))
}

const writeList = (file: string, { file: _, disableCheck, disableGC, ...list }: NetworkList): void => {
  mkdirSync(dirname(file), { recursive: true, mode: 0o755 })
  const json = { ...list, ...(disableCheck ? { disableCheck } : {}), ...(disableGC ? { disableGC } : {}), loadOnlyInlinedPlugins: true }
  writeFileAtomic(file, `${JSON.stringify(json, null, 2)}\n`)
}

const lookAround = (options: NetworkOptions): Surroundings => ({
  lists: loadLists([options.networksDir, ...options.configDirs]),
  hostSubnets: [...hostSubnets(), ...reservedSubnets(options.reservedDirs ?? [])],
  hostInterfaces: hostInterfaces(),
  pools: options.subnetPools?.length ? options.subnetPools : DEFAULT_POOLS,
  leasesDir: join(options.cacheDir, 'networks'),
  hasPlugin: (type) => isInstalled(options.pluginDirs, type),
  now: new Date(),
})

const isInstalled = (dirs: readonly string[], type: string): boolean => {
  try {
    return findPlugin(dirs, type) !== ''
  } catch {
    return false
  }
}
