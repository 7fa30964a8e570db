// Lists of our own: files in the networks directory, changed under one lock, each whole or not there.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

import { Failure } from '../errors.ts'
import { lockFile } from '../fs/lock.ts'
import { makeDir } from '../fs/remove-tree.ts'
import { syncDir, removeUnfinished, writeFileAtomic } from '../fs/write-atomic.ts'
import { log } from '../log.ts'
import { formatSubnet, parseSubnet } from './addresses.ts'
import { addressOf, findBridge, randomMac, removeBridge, reserveBridge } from './bridge-link.ts'
import type { NetworkList } from './cni-types.ts'
import { OWN_DEFAULT, composeList } from './compose-list.ts'
import { loadLists } from './conflist.ts'
import { chooseBridge, chooseDefaultSubnet, planNetwork } from './create-network.ts'
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
  await endReservation(options, wiring)
  const existing = request.ignoreExisting ? lookAround(options, wiring).lists.find(({ name }) => name === request.name) : undefined
  return viewOf(existing ?? await settle(options, wiring, async () => planNetwork(request, await lookAroundFor(options, wiring, request))))
}

/** Makes the default network when it is missing; of several processes one does, the others find it. */
export const ensureDefaultNetwork = async (options: NetworkOptions, wiring: Wiring): Promise<NetworkList> => {
  using _ = await lockNetworks(options)
  await endReservation(options, wiring)
  const existing = lookAround(options, wiring).lists.find(({ name }) => name === OWN_DEFAULT)
  if (existing) return existing
  const list = await settle(options, wiring, async () => foreseeDefaultNetwork(options, wiring))
  const { defaultSubnet: wanted } = options
  const [first] = viewOf(list).subnets ?? []
  if (wanted !== undefined && first !== undefined && formatSubnet(parseSubnet(wanted)!) !== first.subnet) log.warn(`default_subnet ${wanted} is used on this host already: network ${OWN_DEFAULT} has ${first.subnet}`)
  return list
}

/** What the default network would be if it were made now; nothing is made or reserved, so that another installation may take bridge or subnet before. */
export const foreseeDefaultNetwork = (options: NetworkOptions, wiring: Wiring): NetworkList => {
  const around = lookAround(options, wiring)
  const subnet = chooseDefaultSubnet(around, options.defaultSubnet)
  return composeList({
    name: OWN_DEFAULT, driver: 'bridge', interface: chooseBridge(0, around), subnets: [subnet], routes: [], ipamDriver: 'host-local', internal: false,
    ipv6: subnet.subnet.includes(':'), dns: false, labels: {}, options: {}, leasesDir: around.leasesDir, created: around.now.toISOString(),
  })
}

const ATTEMPTS = 16

/** Plans anew when another installation took the bridge between look and reservation. */
const settle = async (options: NetworkOptions, wiring: Wiring, plan: () => Promise<NetworkList>): Promise<NetworkList> => {
  const { rules } = wiring
  let list = await plan()
  const mac = randomMac()
  try {
    for (let attempt = 1; attempt < ATTEMPTS && !(await reserve(options, { rules, list, mac })); attempt += 1) list = await plan()
    const file = join(options.networksDir, `${list.name}.conflist`)
    writeList(file, list)
    return { ...list, file }
  } finally {
    await endReservation(options, wiring)
  }
}

const reservationFile = ({ networksDir }: NetworkOptions): string => join(networksDir, '.reserving')

/** Written down before, so that the bridge of a creation that is killed can be told from everybody else's: by its address. */
const reserve = async (options: NetworkOptions, { rules, list, mac }: { rules: Wiring['rules']; list: NetworkList; mac: string }): Promise<boolean> => {
  if (list.scow?.adopted) return true
  const view = viewOf(list)
  makeDir(options.networksDir, 0o755)
  writeFileSync(reservationFile(options), `${view.network_interface ?? ''} ${mac}`)
  return reserveBridge(rules, view, mac)
}

/** A reserved bridge that no list came to name goes again. Under the lock of the networks. */
const endReservation = async (options: NetworkOptions, { rules, complain }: Wiring): Promise<void> => {
  const file = reservationFile(options)
  if (!existsSync(file)) return
  const [name = '', mac] = readFileSync(file, 'utf8').split(' ')
  const named = loadLists([options.networksDir], complain).some((list) => viewOf(list).network_interface === name)
  if (!named && mac !== undefined && addressOf(name) === mac) await removeBridge(rules, name)
  rmSync(file, { force: true })
}

/** @throws denied for the default network and for lists of other directories */
export const checkRemovable = ({ networksDir }: NetworkOptions, list: NetworkList): NetworkList & Required<Pick<NetworkList, 'scow' | 'file'>> => {
  const { name, scow, file } = list
  if (name === OWN_DEFAULT) throw new Failure('denied', `default network ${name} cannot be removed`)
  if (!scow || !file || dirname(file) !== networksDir) throw new Failure('denied', `network ${name} is not ours to remove: it is configured by ${file}`)
  return { ...list, scow, file }
}

/** Removes rules, a bridge of ours, leases and at last the list: until all is gone the network shows, and can be removed once more. */
export const removeNetwork = async (options: NetworkOptions, wiring: Wiring, list: NetworkList): Promise<NetworkView> => {
  const { scow, file } = checkRemovable(options, list)
  const view = viewOf(list)
  using _ = await lockNetworks(options)
  await removeRules(wiring.rules, view)
  if (view.driver === 'bridge' && view.network_interface && !scow.adopted) await removeBridge(wiring.rules, view.network_interface)
  rmSync(join(wiring.leasesDir, list.name), { recursive: true, force: true })
  rmSync(file, { force: true })
  syncDir(options.networksDir)
  return view
}

const lockNetworks = async ({ locksDir }: NetworkOptions) => {
  makeDir(locksDir, 0o700)
  return await lockFile(join(locksDir, 'networks'))
}

const writeList = (file: string, { file: _, disableCheck, disableGC, ...list }: NetworkList): void => {
  makeDir(dirname(file), 0o755)
  const json = { ...list, ...(disableCheck ? { disableCheck } : {}), ...(disableGC ? { disableGC } : {}), loadOnlyInlinedPlugins: true }
  removeUnfinished(file)
  writeFileAtomic(file, `${JSON.stringify(json, null, 2)}\n`)
}

const lookAround = (options: NetworkOptions, { complain }: Pick<Wiring, 'complain'>): Surroundings => ({
  lists: loadLists([options.networksDir, ...options.configDirs], complain),
  hostSubnets: takenSubnets(options),
  hostInterfaces: hostInterfaces(),
  pools: options.subnetPools?.length ? options.subnetPools : DEFAULT_POOLS,
  leasesDir: join(options.cacheDir, 'networks'),
  hasPlugin: (type) => isInstalled(options.pluginDirs, type),
  now: new Date(),
})

/** With the bridge of the host that is asked for. */
const lookAroundFor = async (options: NetworkOptions, wiring: Wiring, { driver = 'bridge', interfaceName }: CreateNetwork): Promise<Surroundings> => {
  const around = lookAround(options, wiring)
  if (driver !== 'bridge' || interfaceName === undefined || !around.hostInterfaces.has(interfaceName)) return around
  const bridge = await findBridge(wiring.rules, interfaceName)
  return bridge ? { ...around, bridge, hostSubnets: takenSubnets(options, interfaceName) } : around
}

const takenSubnets = ({ reservedDirs = [] }: NetworkOptions, except?: string) => [...hostSubnets(except), ...reservedSubnets(reservedDirs)]

const isInstalled = (dirs: readonly string[], type: string): boolean => {
  try {
    return findPlugin(dirs, type) !== ''
  } catch {
    return false
  }
}
