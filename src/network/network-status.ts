// Whether a network could take a container now: its programs are there, and its plugins (since CNI 1.1) say so.
import { Failure } from '../errors.ts'
import { findProgram } from '../process/find-program.ts'
import type { NetworkList } from './cni-types.ts'
import type { Wiring } from './detach.ts'
import type { NetworkStatus } from './networks.ts'
import { statusList } from './plugin-list.ts'
import { findPlugin } from './run-plugin.ts'

/** `choose` finds the network that is asked for; its Failure means that there is none. */
export const networkStatus = async (wiring: Wiring, choose: () => Promise<NetworkList>): Promise<NetworkStatus> => {
  let list: NetworkList
  try {
    list = await choose()
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    return { ready: false, message: lineOf(error) }
  }
  try {
    assertPrograms(wiring, list)
    const failure = await statusList(wiring.plugins, list)
    return failure ? { network: list.name, ready: false, message: lineOf(failure) } : { network: list.name, ready: true }
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    return { network: list.name, ready: false, message: lineOf(error) }
  }
}

const assertPrograms = ({ plugins, rules }: Wiring, list: NetworkList): void => {
  const ipamTypes = list.plugins.flatMap(({ ipam }) => (typeof ipam?.['type'] === 'string' ? [ipam['type']] : []))
  for (const type of [...list.plugins.map(({ type }) => type), ...ipamTypes]) findPlugin(plugins.pluginDirs, type)
  const needsIptables = list.scow?.driver === 'bridge' || list.plugins.some((plugin) => plugin.type === 'portmap' || plugin['ipMasq'] === true)
  if (needsIptables && !findProgram('iptables', rules.programDirs)) {
    throw new Failure('unsupported', `iptables is not installed, and network ${list.name} needs it`, { hint: 'apt install iptables' })
  }
}

const lineOf = ({ message, hint }: Failure): string => (hint ? `${message} (${hint})` : message)
