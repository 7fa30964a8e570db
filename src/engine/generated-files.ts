// The files of /etc and /run that are made for each start and bind-mounted into the container.
import { copyFileSync, existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../errors.ts'
import { isMounted, mountSharedMemory } from '../fs/mounts.ts'
import { readFileBounded, readInRoot } from '../fs/read-in-root.ts'
import { makeDir } from '../fs/remove-tree.ts'
import type { GeneratedFiles } from '../spec/build-spec.ts'
import { groupWithUser, passwdWithUser } from '../spec/passwd-entry.ts'
import type { ResolvedUser } from '../spec/users.ts'
import type { Container } from '../state/containers.ts'
import type { Engine } from './engine.ts'
import { runningProcess } from './find-container.ts'
import type { PreparedNetwork } from './prepare-network.ts'

const MAX_HOSTS_BYTES = 2 ** 20

interface Inputs {
  readonly container: Container
  readonly rootfsPath: string
  readonly network: PreparedNetwork
  readonly user: ResolvedUser
  readonly passwd: string | undefined
  readonly group: string | undefined
}

export async function writeGeneratedFiles(engine: Engine, inputs: Inputs): Promise<GeneratedFiles> {
  const { container } = inputs
  const { etc } = engine.paths.container(container.id)
  makeDir(etc, 0o755)
  const write = (name: string, text: string | undefined): string | undefined => {
    if (text === undefined) return undefined
    writeFileSync(join(etc, name), text, { mode: 0o644 })
    return join(etc, name)
  }
  const files = {
    ...await networkFiles(engine, inputs, write),
    containerenv: write('containerenv', containerenv(container)),
    passwd: write('passwd', passwdText(inputs)),
    group: write('group', inputs.container.record.request.managePasswd === false ? undefined : groupWithUser({ user: inputs.user, group: inputs.group, template: inputs.container.record.request.groupEntry })),
    localtime: localtime(engine, { etc, timezone: container.record.request.timezone ?? engine.config.containers.timezone }),
    shm: await sharedShm(engine, container),
  }
  return Object.fromEntries(Object.entries(files).filter(([, path]) => path !== undefined)) as GeneratedFiles
}

type Write = (name: string, text: string | undefined) => string | undefined

async function networkFiles(engine: Engine, { container, network, rootfsPath }: Inputs, write: Write): Promise<{ hosts?: string | undefined; resolvConf?: string | undefined; hostname?: string | undefined }> {
  const { request, hostname } = container.record
  if (network.sharedWith) {
    const other = engine.paths.container(network.sharedWith).etc
    const path = (name: string): string | undefined => (existsSync(join(other, name)) ? join(other, name) : undefined)
    return { hosts: path('hosts'), resolvConf: path('resolv.conf'), hostname: write('hostname', request.noHostname ? undefined : `${hostname}\n`) }
  }
  const { containers } = engine.config
  const { hostsText } = await import('../network/hosts.ts')
  const { readHostResolv, resolvText } = await import('../network/resolv.ts')
  const kind = request.network.kind
  const ownAddresses = network.attached.flatMap(({ ips }) => ips.map(({ address }) => address.replace(/\/.*$/, '')))
  const aliases = network.attached.flatMap((on) => on.aliases ?? [])
  const hostAddress = containers.hostContainersInternalIp || (kind === 'host' ? '127.0.0.1' : network.attached[0]?.ips[0]?.gateway)
  const given = (asked: readonly string[] | undefined, configured: readonly string[]): readonly string[] => (asked?.length ? asked : configured)
  const servers = given(request.dns?.servers, containers.dnsServers)
  return {
    hosts: request.noHosts ?? containers.noHosts ? undefined : write('hosts', hostsText({
      base: baseHosts(request.hostsFile ?? containers.baseHostsFile, rootfsPath), addHosts: request.addHosts ?? [],
      ownAddresses: kind === 'none' ? [] : ownAddresses, ownNames: [hostname, container.name, ...aliases], ...(hostAddress ? { hostAddress } : {}),
    })),
    resolvConf: (kind === 'none' && !request.dns) || servers.includes('none') ? undefined : write('resolv.conf', resolvText({
      host: readHostResolv(kind !== 'host'), networkServers: network.dns.servers, networkSearches: network.dns.searches,
      servers, searches: given(request.dns?.searches, containers.dnsSearches),
      options: given(request.dns?.options, containers.dnsOptions),
      ownNetns: kind !== 'host', ipv6: kind === 'host' || ownAddresses.some((address) => address.includes(':')),
    })),
    hostname: write('hostname', request.noHostname ? undefined : `${hostname}\n`),
  }
}

/** The text that /etc/hosts starts from: the host's own by default, a named file, the image's, or nothing. */
function baseHosts(wanted: string, rootfsPath: string): string {
  if (wanted === 'none') return ''
  if (wanted === 'image') return readInRoot(rootfsPath, '/etc/hosts', MAX_HOSTS_BYTES)?.toString('utf8') ?? ''
  try {
    return readFileBounded(wanted || '/etc/hosts', MAX_HOSTS_BYTES).toString('utf8')
  } catch (error) {
    if (!wanted) return ''
    throw new Failure('notFound', `cannot read the hosts file ${wanted}`, { cause: error })
  }
}

/** Its being there says "in a container"; what stands in it only those learn, as with podman, who may do anything anyway. */
const containerenv = ({ id, name, record }: Container): string => (!record.request.security.privileged ? '' :
  `engine="scow"\nname=${JSON.stringify(name)}\nid="${id}"\nimage=${JSON.stringify(record.image?.name ?? '')}\nimageid="${record.image?.id ?? ''}"\nrootless=0\n`)

function passwdText({ container, user, passwd }: Inputs): string | undefined {
  const { request, workdir } = container.record
  return request.managePasswd === false ? undefined : passwdWithUser({ user, passwd, template: request.passwdEntry, workdir })
}

function localtime(_engine: Engine, { etc, timezone }: { etc: string; timezone: string }): string | undefined {
  if (!timezone) return undefined
  const source = timezone === 'local' ? '/etc/localtime' : join('/usr/share/zoneinfo', timezone)
  if (timezone.includes('..') || !existsSync(source)) throw new Failure('invalid', `unknown timezone "${timezone}"`, { hint: 'use a name of /usr/share/zoneinfo, such as Europe/Berlin, or "local"' })
  copyFileSync(source, join(etc, 'localtime'))
  return join(etc, 'localtime')
}

/** Who joins another's IPC namespace sees its /dev/shm: that of one who may be joined lies outside of its mount namespace. */
async function sharedShm(engine: Engine, { id, record }: Container): Promise<string | undefined> {
  const { ipc } = record.request.namespaces
  if (ipc.kind === 'host') return '/dev/shm'
  if (ipc.kind === 'shareable') return joinableShm(engine, { id, record })
  if (ipc.kind !== 'container') return undefined
  const other = await engine.state.containers.find(ipc.id)
  runningProcess(engine, other, '--ipc: ')
  const { shm } = engine.paths.container(other.id)
  return isMounted(shm) ? shm : undefined
}

/** Given back with the run. Where there is SELinux the runtime mounts it, with the container's label. */
function joinableShm(engine: Engine, { id, record }: Pick<Container, 'id' | 'record'>): string | undefined {
  if (existsSync('/sys/fs/selinux/enforce')) return undefined
  const { shm } = engine.paths.container(id)
  makeDir(shm, 0o755)
  if (!isMounted(shm)) mountSharedMemory(shm, record.request.shmSizeBytes ?? engine.config.containers.shmSizeBytes)
  return shm
}
