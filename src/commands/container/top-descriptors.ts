// The columns of `top`, read from /proc.
import { readFileSync, readdirSync, readlinkSync } from 'node:fs'
import { goDuration } from '../../cli/human.ts'
import { GoTime } from '../../cli/template/values.ts'
import { readInContainer } from '../../engine/read-in-container.ts'
import { CAPABILITIES } from '../../capabilities.ts'

interface Process {
  readonly pid: number
  readonly stat: readonly string[]
  readonly status: Readonly<Record<string, string>>
  readonly args: string
  readonly bootMs: number
  readonly names: Names
}

/** Names of users and groups by id: the container's own, and those of the host. */
interface Names { readonly users: ReadonlyMap<string, string>; readonly groups: ReadonlyMap<string, string>; readonly hostUsers: ReadonlyMap<string, string>; readonly hostGroups: ReadonlyMap<string, string> }

const TICKS_PER_SECOND = 100
const MS_PER_TICK = 1000 / TICKS_PER_SECOND

const cpuMs = ({ stat }: Process): number => (Number(stat[11]) + Number(stat[12])) * MS_PER_TICK
const startedMs = ({ stat, bootMs }: Process): number => bootMs + Number(stat[19]) * MS_PER_TICK
const elapsedMs = (process: Process): number => Math.max(0, Date.now() - startedMs(process))
const inner = (values: string | undefined): string => values?.split('\t').at(-1) ?? ''
const id = (values: string | undefined, at: number): string => values?.split('\t')[at] ?? ''
const user = ({ status, names }: Process, at: number): string => named(names.users, id(status['Uid'], at))
const group = ({ status, names }: Process, at: number): string => named(names.groups, id(status['Gid'], at))
const named = (names: ReadonlyMap<string, string>, number: string): string => names.get(number) ?? number

const capabilities = (mask: string | undefined): string => {
  const bits = BigInt(`0x${mask ?? '0'}`)
  const names = CAPABILITIES.filter((_, at) => (bits >> BigInt(at)) & 1n)
  return names.length === 0 ? 'none' : names.length === CAPABILITIES.length ? 'full' : names.join(',')
}

const terminal = ({ stat }: Process): string => {
  const device = Number(stat[4])
  if (device === 0) return '?'
  const [major, minor] = [(device >> 8) & 0xfff, (device & 0xff) | ((device >> 12) & 0xfff00)]
  return major >= 136 && major <= 143 ? `pts/${minor + (major - 136) * 256}` : `tty${minor}`
}
const link = ({ pid }: Process, path: string): string => {
  try { return readlinkSync(`/proc/${pid}/${path}`) } catch { return '' }
}

interface Descriptor { readonly heading: string; readonly read: (process: Process) => string }
const column = (heading: string, read: Descriptor['read']): Descriptor => ({ heading, read })

export const DESCRIPTORS: Readonly<Record<string, Descriptor>> = {
  user: column('USER', (process) => user(process, 1)),
  ruser: column('RUSER', (process) => user(process, 0)),
  group: column('GROUP', (process) => group(process, 1)),
  rgroup: column('RGROUP', (process) => group(process, 0)),
  groups: column('GROUPS', ({ status, names }) => (status['Groups'] ?? '').trim().split(/\s+/).map((number) => named(names.groups, number)).join(',')),
  huser: column('HUSER', ({ status, names }) => named(names.hostUsers, id(status['Uid'], 1))),
  hgroup: column('HGROUP', ({ status, names }) => named(names.hostGroups, id(status['Gid'], 1))),
  hgroups: column('HGROUPS', ({ status }) => (status['Groups'] ?? '').trim().split(/\s+/).join(',')), // numbers, as podman's
  pid: column('PID', ({ status }) => inner(status['NSpid'])),
  ppid: column('PPID', (process) => parentInside(process)),
  pgid: column('PGID', ({ status }) => inner(status['NSpgid'])),
  hpid: column('HPID', ({ pid }) => String(pid)),
  pcpu: column('%CPU', (process) => { const elapsed = elapsedMs(process); return (elapsed === 0 ? 0 : (cpuMs(process) / elapsed) * 100).toFixed(3) }),
  etime: column('ELAPSED', (process) => goDuration(elapsedMs(process))),
  tty: column('TTY', terminal),
  time: column('TIME', (process) => goDuration(cpuMs(process))),
  args: column('COMMAND', ({ args }) => args),
  comm: column('COMMAND', ({ status }) => status['Name'] ?? ''),
  state: column('STATE', ({ stat }) => stat[0] ?? ''),
  stime: column('STIME', (process) => GoTime.fromMs(Math.floor(startedMs(process) / 1000) * 1000).toString()),
  nice: column('NI', ({ stat }) => stat[16] ?? ''),
  rss: column('RSS', ({ status }) => (status['VmRSS'] ?? '0').replace(/\D/g, '')),
  vsz: column('VSZ', ({ status }) => (status['VmSize'] ?? '0').replace(/\D/g, '')),
  seccomp: column('SECCOMP', ({ status }) => (['disabled', 'strict', 'filter'] as const)[Number(status['Seccomp'] ?? 0)] ?? '?'),
  label: column('LABEL', ({ pid }) => { try { return readFileSync(`/proc/${pid}/attr/current`, 'utf8').replace(/[\0\n]/g, '') } catch { return '' } }),
  capamb: column('AMBIENT CAPS', ({ status }) => capabilities(status['CapAmb'])),
  capbnd: column('BOUNDING CAPS', ({ status }) => capabilities(status['CapBnd'])),
  capeff: column('EFFECTIVE CAPS', ({ status }) => capabilities(status['CapEff'])),
  capinh: column('INHERITED CAPS', ({ status }) => capabilities(status['CapInh'])),
  capprm: column('PERMITTED CAPS', ({ status }) => capabilities(status['CapPrm'])),
  mntns: column('MNTNS', (process) => link(process, 'ns/mnt').replace(/\D/g, '')),
}

export const DEFAULT_DESCRIPTORS: readonly string[] = ['user', 'pid', 'ppid', 'pcpu', 'etime', 'tty', 'time', 'args']

function parentInside({ status }: Process): string {
  const parent = Number(status['PPid'])
  const own = (status['NSpid'] ?? '').split('\t')
  if (own.length < 2) return String(parent)
  const parentIds = statusOf(parent)['NSpid']?.split('\t') ?? []
  return parentIds.length === own.length ? parentIds.at(-1)! : '0'
}

const statusOf = (pid: number): Record<string, string> => {
  try {
    return Object.fromEntries([...readFileSync(`/proc/${pid}/status`, 'utf8').matchAll(/^(\w+):[\t ]*(.*)$/gm)].map(([, name, value]) => [name!, value!]))
  } catch {
    return {}
  }
}

/** Headings, then a row for each process that still lives. */
export function processTable(pids: readonly number[], names: readonly string[]): string[][] {
  const bootMs = Number(/^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'utf8'))![1]) * 1000
  const columns = names.map((name) => DESCRIPTORS[name]!)
  const known = { users: namesOf(pids, '/etc/passwd'), groups: namesOf(pids, '/etc/group'), hostUsers: hostNames('/etc/passwd'), hostGroups: hostNames('/etc/group') }
  const rows = pids.flatMap((pid) => {
    const process = readProcess(pid, { bootMs, names: known })
    return process ? [columns.map(({ read }) => read(process))] : []
  })
  return [columns.map(({ heading }) => heading), ...rows]
}

/** By the file of the first process, which is what the container sees; none where it has no such file, or a strange one. */
function namesOf([pid]: readonly number[], file: string): Map<string, string> {
  try {
    return namesIn((pid === undefined ? undefined : readInContainer(pid, file))?.toString() ?? '')
  } catch {
    return new Map()
  }
}

function hostNames(file: string): Map<string, string> {
  try { return namesIn(readFileSync(file, 'utf8')) } catch { return new Map() }
}

function namesIn(text: string): Map<string, string> {
  const entries = text.split('\n').map((line) => line.split(':')).filter(([name, , number]) => name && number)
  // The first of several names is the one that the C library gives.
  return new Map(entries.reverse().map(([name, , number]) => [number!, name!]))
}

function readProcess(pid: number, { bootMs, names }: Pick<Process, 'bootMs' | 'names'>): Process | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
    const status = statusOf(pid)
    readdirSync(`/proc/${pid}/task`)
    return { pid, bootMs, names, status, stat: stat.slice(stat.lastIndexOf(')') + 2).trim().split(' '), args: args === '' ? `[${status['Name']}]` : args }
  } catch {
    return undefined
  }
}
