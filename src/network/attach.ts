// ADD for a container: one network after the other, as the specification forbids two operations at once for one
// container. What fails is taken back in reverse order.
import { Failure } from '../errors.ts'
import { lockFile } from '../fs/lock.ts'
import { log } from '../log.ts'
import type { NetworkAttachment } from '../spec/request.ts'
import { contains, formatSubnet, parseAddress, parseSubnet } from './addresses.ts'
import { argsOf, capabilityArgsOf, effectiveList, hasCapability } from './attachment-args.ts'
import { readEntries, removeEntry, saveEntry } from './cache.ts'
import type { CacheEntry } from './cache.ts'
import type { Attachment, CniResult, NetworkList } from './cni-types.ts'
import { detachEntry } from './detach.ts'
import type { Wiring } from './detach.ts'
import { ensureRules } from './network-rules.ts'
import { viewOf } from './network-view.ts'
import type { AttachRequest, AttachResult } from './networks.ts'
import { addList } from './plugin-list.ts'
import { parseResult } from './result.ts'

interface Wanted { readonly list: NetworkList; readonly network: NetworkAttachment; readonly ifName: string }

/** `lists` are those of `request.networks`, in the same order. */
export const attach = async (wiring: Wiring, request: AttachRequest, lists: readonly NetworkList[]): Promise<AttachResult[]> => {
  using _ = await lockFile(wiring.operationsLock(), { shared: true, signal: request.signal })
  const known = readEntries(wiring.resultsDir, request.containerId)
  const wanted = nameInterfaces(request.networks, lists, known)
  const publisher = request.ports?.length ? wanted.find(({ list }) => hasCapability(list, 'portMappings')) : undefined
  if (request.ports?.length && !publisher) {
    const why = lists.every(({ scow }) => scow?.internal) ? 'is internal' : 'has no plugin that does it'
    log.warn(`ports are not published: network ${lists.map(({ name }) => name).join(', ')} ${why}`)
  }
  const done: { entry: CacheEntry; result: AttachResult }[] = []
  try {
    for (const one of wanted) {
      for (const entry of known.filter((old) => old.list.name === one.list.name && old.attachment.ifName === one.ifName)) {
        await detachEntry(wiring, entry, request.netns).catch((error: unknown) => log.debug(`stale attachment: ${String(error)}`))
      }
      done.push(await attachOne(wiring, request, { ...one, publish: one === publisher }))
    }
  } catch (error) {
    for (const { entry } of done.toReversed()) await takeBack(wiring, entry)
    throw error
  }
  return done.map(({ result }) => result)
}

/** Given names first, then the free ones of eth0, eth1, ...; those of earlier attachments to other networks are taken. */
const nameInterfaces = (networks: readonly NetworkAttachment[], lists: readonly NetworkList[], known: readonly CacheEntry[]): Wanted[] => {
  const names = lists.map(({ name }) => name)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice) throw new Failure('invalid', `network ${twice} is named twice`)
  const given = networks.flatMap(({ interfaceName }) => interfaceName ?? [])
  const bad = given.find((name, index) => name.length > 15 || /[\s/:]|^\.{1,2}$|^$/.test(name) || given.indexOf(name) !== index)
  if (bad !== undefined) throw new Failure('invalid', `interface name ${JSON.stringify(bad)} is used twice or is not a name of at most 15 characters`)
  const taken = new Set([...given, ...known.filter(({ list }) => !names.includes(list.name)).map(({ attachment }) => attachment.ifName)])
  return networks.map((network, index) => {
    let number = 0
    while (!network.interfaceName && taken.has(`eth${number}`)) number += 1
    const ifName = network.interfaceName ?? `eth${number}`
    taken.add(ifName)
    return { network, list: lists[index]!, ifName }
  })
}

const attachOne = async (wiring: Wiring, request: AttachRequest, wanted: Wanted & { readonly publish: boolean }) => {
  const { list: full, network, ifName } = wanted
  const capabilityArgs = capabilityArgsOf(request, wanted)
  const attachment: Attachment = { containerId: request.containerId, netns: request.netns, ifName, args: argsOf(request, wanted), capabilityArgs }
  const list = effectiveList(full, capabilityArgs)
  assertInSubnets(network, list)
  const entry: CacheEntry = { list, attachment }
  saveEntry(wiring.resultsDir, entry)
  try {
    const raw = await addWithRules(wiring, entry, request.signal)
    const parsed = parseResult(raw, list.plugins.at(-1)!.type)
    const added = { ...entry, result: raw }
    saveEntry(wiring.resultsDir, added)
    const result = toAttachResult(added, parsed)
    assertStaticAddresses(network, result)
    return { entry: added, result }
  } catch (error) {
    await takeBack(wiring, entry)
    throw error
  }
}

/** Rules and plugins don't touch each other, so they run side by side; both have ended when this does. */
const addWithRules = async (wiring: Wiring, { list, attachment }: CacheEntry, signal: AbortSignal | undefined): Promise<unknown> => {
  const [rules, added] = await Promise.allSettled([
    list.scow ? ensureRules(wiring.rules, viewOf(list)) : undefined,
    addList(wiring.plugins, { list, attachment, ...(signal ? { signal } : {}) }),
  ])
  if (added.status === 'rejected') throw added.reason
  if (rules.status === 'rejected') throw rules.reason
  return added.value
}

const takeBack = async (wiring: Wiring, entry: CacheEntry): Promise<void> => {
  try {
    await detachEntry(wiring, entry, entry.attachment.netns)
  } catch (error) {
    // DEL of what was never added may fail; the entry stays for the next collection only when plugins are at fault.
    log.debug(`taking back network ${entry.list.name}: ${String(error)}`)
    if (entry.result === undefined) removeEntry(wiring.resultsDir, entry)
  }
}

export const toAttachResult = ({ list, attachment }: CacheEntry, { interfaces, ips, routes, dns }: CniResult): AttachResult => {
  const inside = interfaces.findIndex(({ name, sandbox }) => name === attachment.ifName && sandbox)
  const own = interfaces[inside]
  return {
    network: list.name,
    interface: attachment.ifName,
    ips: ips.filter((ip) => ip.interface === undefined || inside < 0 || ip.interface === inside)
      .map(({ address, gateway }) => ({ address, ...(gateway ? { gateway } : {}) })),
    ...(own?.mac ? { mac: own.mac } : {}),
    ...(own?.mtu ? { mtu: own.mtu } : {}),
    routes,
    dns,
  }
}

/** What the network itself says about its subnets, before its plugins say it in their words. */
const assertInSubnets = ({ ip, ip6 }: NetworkAttachment, list: NetworkList): void => {
  if (ip === undefined && ip6 === undefined) return
  const subnets = (viewOf(list).subnets ?? []).flatMap(({ subnet }) => parseSubnet(subnet) ?? [])
  const outside = [ip, ip6].find((wanted) => {
    const address = wanted === undefined ? undefined : parseAddress(wanted)
    return address !== undefined && !subnets.some((subnet) => contains(subnet, address))
  })
  if (outside !== undefined && subnets.length > 0) throw new Failure('invalid', `the address ${outside} is in no subnet of network ${list.name}`, { hint: `it has ${subnets.map(formatSubnet).join(', ')}` })
}

/** A plugin without static addresses ignores them: better no container than one at another address. */
const assertStaticAddresses = ({ ip, ip6, mac }: NetworkAttachment, result: AttachResult): void => {
  const has = (wanted: string) => result.ips.some(({ address }) => parseAddress(address.split('/')[0]!)?.value === parseAddress(wanted)?.value)
  const missing = [ip, ip6].find((wanted) => wanted && !has(wanted))
  if (missing) throw new Failure('unsupported', `network ${result.network} did not give the address ${missing}: its plugins ignore static addresses`)
  if (mac && result.mac && result.mac.toLowerCase() !== mac.toLowerCase()) {
    throw new Failure('unsupported', `network ${result.network} did not give the MAC address ${mac}: its plugins ignore it`)
  }
}
