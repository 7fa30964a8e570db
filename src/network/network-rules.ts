// Firewall rules of one network of our own, the same for all its containers: masquerading of what leaves it, and
// passage through a FORWARD chain that drops by default (docker's, firewalld's). Put in when they are missing, as
// after a reboot or a flush; taken out with the network. Chains are per network, so one restore call sets them whole.
import { Failure } from '../errors.ts'
import { findProgram } from '../process/find-program.ts'
import { runProgram } from '../process/run-program.ts'
import type { NetworkView } from './networks.ts'

export interface RulesHost {
  /** Directories of PATH. */
  readonly programDirs: readonly string[]
  readonly timeoutMs: number
  /** Runs `act` while no other process changes the rules. */
  readonly exclusively: <T>(act: () => Promise<T>) => Promise<T>
}

type Family = 'iptables' | 'ip6tables'
interface Jump { readonly table: 'nat' | 'filter'; readonly chain: string; readonly rule: readonly string[]; readonly insert: boolean }

/** Idempotent; two fast look-ups when nothing is missing. Networks without a bridge of ours need nothing. */
export const ensureRules = async (host: RulesHost, view: NetworkView): Promise<void> => {
  await Promise.all(familiesOf(view).map(async (family) => {
    if ((await missingJumps(host, family, view)).length === 0) return
    await host.exclusively(async () => restore(host, family, view, await missingJumps(host, family, view)))
  }))
}

/** Idempotent, and quiet where there is no iptables. */
export const removeRules = async (host: RulesHost, view: NetworkView): Promise<void> => {
  await host.exclusively(async () => {
    for (const family of familiesOf(view)) {
      if (!findProgram(family, host.programDirs)) continue
      for (const { table, chain, rule } of jumpsOf(family, view)) await iptables(host, family, ['-t', table, '-D', chain, ...rule])
      for (const [table, chain] of Object.entries(chainsOf(view))) {
        await iptables(host, family, ['-t', table, '-F', chain])
        await iptables(host, family, ['-t', table, '-X', chain])
      }
      for (const rule of isolationRules(view)) await iptables(host, family, ['-D', ...rule])
    }
  })
}

const ISOLATION = 'SCOW-ISOLATION'
/** Isolated networks as destinations of isolated networks. */
const TARGETS = 'SCOW-ISOLATED'

const subnetsOf = (view: NetworkView, family: Family): string[] =>
  (view.subnets ?? []).map(({ subnet }) => subnet).filter((subnet) => subnet.includes(':') === (family === 'ip6tables'))

const familiesOf = (view: NetworkView): Family[] =>
  view.driver !== 'bridge' || !view.network_interface ? [] : (['iptables', 'ip6tables'] as const).filter((family) => subnetsOf(view, family).length > 0)

/** After the bridge, whose name no other network on this host has; with its 15 characters a chain's 28 are not reached. */
const chainsOf = ({ network_interface: bridge }: NetworkView): { readonly nat: string; readonly filter: string } =>
  ({ nat: `SCOW-NAT-${bridge}`, filter: `SCOW-FWD-${bridge}` })

const jumpsOf = (family: Family, view: NetworkView): Jump[] => {
  const { nat, filter } = chainsOf(view)
  const named = (chain: string) => ['-m', 'comment', '--comment', `scow network ${view.name}`, '-j', chain]
  const bridge = view.network_interface!
  return [
    ...(view.internal ? [] : subnetsOf(view, family).map((subnet): Jump => ({ table: 'nat', chain: 'POSTROUTING', rule: ['-s', subnet, ...named(nat)], insert: false }))),
    { table: 'filter', chain: 'FORWARD', rule: ['-i', bridge, ...named(filter)], insert: true },
    { table: 'filter', chain: 'FORWARD', rule: ['-o', bridge, ...named(filter)], insert: true },
  ]
}

const missingJumps = async (host: RulesHost, family: Family, view: NetworkView): Promise<Jump[]> => {
  const jumps = jumpsOf(family, view)
  // One look-up per table is enough: a chain's jumps come and go together.
  const probes = [jumps.find(({ table }) => table === 'nat'), jumps.find(({ table }) => table === 'filter')].filter((jump) => jump !== undefined)
  const present = await Promise.all(probes.map(async (jump) => isPresent(host, family, jump)))
  if (present.every(Boolean)) return []
  const found = await Promise.all(jumps.map(async (jump) => isPresent(host, family, jump)))
  return jumps.filter((_, index) => !found[index])
}

const isPresent = async (host: RulesHost, family: Family, { table, chain, rule }: Jump): Promise<boolean> =>
  (await iptables(host, family, ['-t', table, '-C', chain, ...rule])).code === 0

const restore = async (host: RulesHost, family: Family, view: NetworkView, jumps: readonly Jump[]): Promise<void> => {
  if (jumps.length === 0) return
  for (const chain of [TARGETS, ISOLATION]) await iptables(host, family, ['-N', chain])
  for (const rule of isolationRules(view)) {
    if ((await iptables(host, family, ['-C', ...rule])).code !== 0) await iptables(host, family, ['-A', ...rule])
  }
  const { code, stderr } = await run(host, `${family}-restore`, ['--noflush', '-w', '5'], rulesText(family, view, jumps))
  if (code !== 0) {
    throw new Failure('unavailable', `cannot set the firewall rules of network ${view.name}: ${family}-restore: ${String(stderr).trim().split('\n').join(' ')}`)
  }
}

/**
 * What may not pass, of all networks: every network's chain goes through it first, or another's ACCEPT would come before.
 * The restore doesn't name these two chains, which would empty them.
 */
const isolationRules = (view: NetworkView): string[][] => {
  const bridge = view.network_interface!
  return [
    ...(view.internal ? [[ISOLATION, '-i', bridge, '!', '-o', bridge, '-j', 'DROP'], [ISOLATION, '!', '-i', bridge, '-o', bridge, '-j', 'DROP']] : []),
    ...(view.options?.['isolate'] === 'true' ? [[ISOLATION, '-i', bridge, '!', '-o', bridge, '-j', TARGETS], [TARGETS, '-o', bridge, '-j', 'DROP']] : []),
  ]
}

/** Naming a chain makes it, or empties it: the same text serves for a new network and for a damaged one. */
const rulesText = (family: Family, view: NetworkView, jumps: readonly Jump[]): string => {
  const { nat, filter } = chainsOf(view)
  const bridge = view.network_interface!
  const multicast = family === 'iptables' ? '224.0.0.0/4' : 'ff00::/8'
  const jumpLines = (table: string) => jumps.filter((jump) => jump.table === table).map(({ chain, rule, insert }) => `${insert ? '-I' : '-A'} ${chain} ${rule.map(quoted).join(' ')}`)
  const natRules = [...[...subnetsOf(view, family), multicast].map((to) => `-A ${nat} -d ${to} -j ACCEPT`), `-A ${nat} -j MASQUERADE`]
  const filterRules = [`-j ${ISOLATION}`, `-i ${bridge} -j ACCEPT`, `-o ${bridge} -m conntrack --ctstate RELATED,ESTABLISHED,DNAT -j ACCEPT`].map((rule) => `-A ${filter} ${rule}`)
  return [
    ...(view.internal ? [] : ['*nat', `:${nat} - [0:0]`, ...natRules, ...jumpLines('nat'), 'COMMIT']),
    '*filter', `:${filter} - [0:0]`, ...filterRules, ...jumpLines('filter'), 'COMMIT', '',
  ].join('\n')
}

const quoted = (word: string): string => (/[\s"]/.test(word) ? `"${word.replaceAll('"', '')}"` : word)

const iptables = async (host: RulesHost, family: Family, args: readonly string[]) => await run(host, family, ['-w', '5', ...args])

const run = async (host: RulesHost, program: string, args: readonly string[], input = '') => {
  const file = findProgram(program, host.programDirs)
  if (!file) {
    throw new Failure('unsupported', `${program} is not installed: a bridge network needs it to reach other hosts`, { hint: 'apt install iptables' })
  }
  return await runProgram(file, args, { input, cwd: '/', timeoutMs: host.timeoutMs, maxOutputBytes: 1 << 20 })
}
