// Binds the network layer to its directories. Cheap: nothing is read or made before a call needs it.
import { mkdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'

import { Failure } from '../errors.ts'
import { lockFile } from '../fs/lock.ts'
import { log } from '../log.ts'
import { PROGRAM_DIRS } from '../process/find-program.ts'
import { attach, toAttachResult } from './attach.ts'
import { readEntries } from './cache.ts'
import type { NetworkList } from './cni-types.ts'
import { OWN_DEFAULT } from './compose-list.ts'
import { loadLists } from './conflist.ts'
import { detach } from './detach.ts'
import type { Wiring } from './detach.ts'
import { createNetns, listNetns, netnsPath, prepareNetnsDir, removeNetns } from './netns.ts'
import { networkId, viewOf } from './network-view.ts'
import type { NetworkOptions, Networks } from './networks.ts'
import { checkList } from './plugin-list.ts'
import { parseResult } from './result.ts'

export const openNetworks = (options: NetworkOptions): Networks => {
  const wiring = wire(options)
  const { resolve, defaultList, made, configured, all } = finder(options, wiring)
  const attachments = (containerId: string) => readEntries(wiring.resultsDir, containerId)
  return {
    list: async () => (await all()).map(viewOf),
    get: async (nameOrId) => viewOf(await resolve(nameOrId)),
    create: async (request) => (await import('./own-networks.ts')).createNetwork(options, wiring, request),
    remove: async (nameOrId) => (await import('./own-networks.ts')).removeNetwork(options, wiring, await resolve(nameOrId)),
    removable: async (nameOrId) => viewOf((await import('./own-networks.ts')).checkRemovable(options, await resolve(nameOrId))),
    defaultNetwork: async ({ forKubernetes } = {}) => (await defaultList(forKubernetes)).name,

    createNetns: async (id, source) => {
      await prepareNetnsDir(options.netnsDir, lockPath(options, 'netns'))
      return createNetns(options.netnsDir, id, source)
    },
    removeNetns: async (id) => removeNetns(options.netnsDir, id),
    netnsPath: (id) => netnsPath(options.netnsDir, id),
    listNetns: async () => listNetns(options.netnsDir),

    attach: async (request) => {
      const networks = request.networks.length > 0 ? request.networks : [{ name: (await defaultList()).name }]
      const lists: NetworkList[] = []
      for (const { name } of networks) lists.push(await made(await resolve(name)))
      return await attach(wiring, { ...request, networks }, lists)
    },
    detach: async (request) => detach(wiring, request),
    check: async ({ containerId, netns }) => {
      for (const { list, attachment, result } of attachments(containerId)) await checkList(wiring.plugins, { list, attachment: { ...attachment, netns } }, result)
    },
    attachments: async (containerId) => attachments(containerId).filter(({ result }) => result !== undefined)
      .map((entry) => toAttachResult(entry, parseResult(entry.result, entry.list.plugins.at(-1)!.type))),
    collectGarbage: async (alive) => (await import('./collect-garbage.ts')).collectGarbage(wiring, configured(), alive),
    status: async ({ network, forKubernetes } = {}) =>
      (await import('./network-status.ts')).networkStatus(wiring, async () => (network === undefined ? defaultList(forKubernetes) : resolve(network))),
  }
}

const DEFAULT_TIMEOUT_MS = 30_000

const lockPath = ({ locksDir }: NetworkOptions, name: string): string => {
  mkdirSync(locksDir, { recursive: true, mode: 0o700 })
  return join(locksDir, name)
}

const wire = (options: NetworkOptions): Wiring => {
  const { pluginDirs, cacheDir,  pluginTimeoutMs: timeoutMs = DEFAULT_TIMEOUT_MS } = options
  const path = options.env?.['PATH'] ?? PROGRAM_DIRS.join(delimiter)
  const env = { ...options.env, PATH: path }
  return {
    plugins: { pluginDirs, env, timeoutMs },
    rules: {
      programDirs: options.programDirs ?? [...path.split(delimiter).filter(Boolean), ...PROGRAM_DIRS],
      timeoutMs,
      exclusively: async (act) => {
        using _ = await lockFile(lockPath(options, 'network-rules'))
        return await act()
      },
    },
    complain: complainOnce(),
    resultsDir: join(cacheDir, 'results'),
    leasesDir: join(cacheDir, 'networks'),
    operationsLock: () => lockPath(options, 'network-operations'),
  }
}

const complainOnce = (): (why: string) => void => {
  const said = new Set<string>()
  return (why) => {
    if (!said.has(why)) log.warn(why)
    said.add(why)
  }
}

/** How names become lists. Our default network is there for who looks, and made when a container first needs it. */
const finder = (options: NetworkOptions, wiring: Wiring) => {
  const load = () => loadLists([options.networksDir, ...options.configDirs], wiring.complain)
  const foreseen = async () => (await import('./own-networks.ts')).foreseeDefaultNetwork(options, wiring)
  const resolve = async (nameOrId: string): Promise<NetworkList> => {
    const found = find(load(), nameOrId)
    if (found) return found
    if (nameOrId === OWN_DEFAULT || (ID_PREFIX.test(nameOrId) && networkId(OWN_DEFAULT).startsWith(nameOrId))) return await foreseen()
    throw new Failure('notFound', `unable to find network with name or ID ${nameOrId}: network not found`)
  }
  const forKubernetesList = (wanted: string | undefined): NetworkList => {
    const ignored: string[] = []
    const found = loadLists(options.configDirs, (why) => ignored.push(why)).find(({ name }) => wanted === undefined || name === wanted)
    if (!found) throw noNetwork(options, wanted, ignored)
    for (const why of ignored) wiring.complain(why)
    return found
  }
  return {
    resolve,
    configured: load,
    defaultList: async (forKubernetes: boolean | string = false) => (forKubernetes !== false ? forKubernetesList(forKubernetes === true ? undefined : forKubernetes) : await resolve(options.defaultName ?? OWN_DEFAULT)),
    /** A list without a file is only foreseen. */
    made: async (list: NetworkList) => (list.file === undefined ? await (await import('./own-networks.ts')).ensureDefaultNetwork(options, wiring) : list),
    all: async () => {
      const lists = load()
      return lists.some(({ name }) => name === OWN_DEFAULT) ? lists : [await foreseen(), ...lists]
    },
  }
}

/** Who asks the node why it has no network is told of the files that could have been one. */
const noNetwork = ({ configDirs }: NetworkOptions, wanted: string | undefined, ignored: readonly string[]): Failure => {
  const what = `no CNI network ${wanted === undefined ? 'is configured' : `is named ${wanted}`} in ${configDirs.join(', ') || 'any directory'}`
  return new Failure('unavailable', [what, ...ignored].join('; '), { hint: ignored.length > 0 ? 'correct the file' : 'install a network plugin of Kubernetes' })
}

const ID_PREFIX = /^[0-9a-f]{3,64}$/

const find = (lists: readonly NetworkList[], nameOrId: string): NetworkList | undefined => {
  const named = lists.find(({ name }) => name === nameOrId)
  if (named || !ID_PREFIX.test(nameOrId)) return named
  const byId = lists.filter(({ name }) => networkId(name).startsWith(nameOrId))
  if (byId.length > 1) throw new Failure('invalid', `network ID ${nameOrId} is ambiguous: it begins those of ${byId.map(({ name }) => name).join(', ')}`)
  return byId[0]
}
