// Lists of our own: files in the networks directory, changed under one lock, each whole or not there.
import { mkdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'

import { Failure } from '../errors.ts'
import { lockFile } from '../fs/lock.ts'
import { syncDir, writeFileAtomic } from '../fs/write-atomic.ts'
import { log } from '../log.ts'
import { findProgram } from '../process/find-program.ts'
import { runProgram } from '../process/run-program.ts'
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

export const createNetwork = async (options: NetworkOptions, request: CreateNetwork): Promise<NetworkView> => {
  using _ = await lockNetworks(options)
  const around = lookAround(options)
  const existing = around.lists.find(({ name }) => name === request.name)
  if (existing && request.ignoreExisting) return viewOf(existing)
  const list = planNetwork(request, around)
  writeList(options, list)
  return viewOf(list)
}

/** Makes the default network when it is missing; of several processes one does, the others find it. */
export const ensureDefaultNetwork = async (options: NetworkOptions): Promise<NetworkList> => {
  using _ = await lockNetworks(options)
  const around = lookAround(options)
  const existing = around.lists.find(({ name }) => name === OWN_DEFAULT)
  if (existing) return existing
  const list = composeList({
    name: OWN_DEFAULT, driver: 'bridge', interface: chooseBridge(0, around), subnets: [chooseFreeSubnet(around)], routes: [], ipamDriver: 'host-local',
    internal: false, ipv6: false, dns: false, labels: {}, options: {}, leasesDir: around.leasesDir, created: around.now.toISOString(),
  })
  writeList(options, list)
  return { ...list, file: fileOf(options, OWN_DEFAULT) }
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
  if (view.driver === 'bridge') await removeBridge(wiring, view.network_interface)
  rmSync(join(wiring.leasesDir, list.name), { recursive: true, force: true })
  return view
}

const lockNetworks = async ({ locksDir }: NetworkOptions) => {
  mkdirSync(locksDir, { recursive: true, mode: 0o700 })
  return await lockFile(join(locksDir, 'networks'))
}

const fileOf = ({ networksDir }: NetworkOptions, name: string): string => join(networksDir, `${name}.conflist`)

const writeList = (options: NetworkOptions, { file: _, disableCheck, disableGC, ...list }: NetworkList): void => {
  mkdirSync(options.networksDir, { recursive: true, mode: 0o755 })
  const json = { ...list, ...(disableCheck ? { disableCheck } : {}), ...(disableGC ? { disableGC } : {}), loadOnlyInlinedPlugins: true }
  writeFileAtomic(fileOf(options, list.name), `${JSON.stringify(json, null, 2)}\n`)
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

/** The bridge plugin makes bridges and never removes them. */
const removeBridge = async ({ rules }: Wiring, name: string | undefined): Promise<void> => {
  if (!name || !hostInterfaces().has(name)) return
  const ip = findProgram('ip', rules.programDirs)
  if (!ip) return log.warn(`bridge ${name} stays until the next boot: the program ip is missing (apt install iproute2)`)
  const { code, stderr } = await runProgram(ip, ['link', 'delete', name], { timeoutMs: rules.timeoutMs })
  if (code !== 0) log.warn(`bridge ${name} is not removed: ${String(stderr).trim()}`)
}

