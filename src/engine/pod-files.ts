// Files of /etc that all containers of a pod share.
import { mkdirSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setFileLabel } from '../fs/file-label.ts'
import { readFileBounded } from '../fs/read-in-root.ts'
import { hostsText } from '../network/hosts.ts'
import { readHostResolv, resolvText } from '../network/resolv.ts'
import type { AttachedNetwork } from '../state/container-status.ts'
import type { PodRequest } from '../state/pod-record.ts'
import type { Engine } from './engine.ts'
import { podLabels } from './selinux-labels.ts'

const MAX_HOSTS_BYTES = 2 ** 20

export const POD_FILES = ['hostname', 'hosts', 'resolv.conf'] as const

/** With the node's network also the node's name. */
export const podHostname = (request: Pick<PodRequest, 'network' | 'hostname'>): string => (request.network === 'pod' && request.hostname) || hostname()

export async function writePodFiles(engine: Pick<Engine, 'config' | 'paths'>, { id, request, networks }: { id: string; request: PodRequest; networks: readonly AttachedNetwork[] }): Promise<void> {
  const { etc } = engine.paths.pod(id)
  mkdirSync(etc, { recursive: true, mode: 0o755 })
  const ownNetns = request.network === 'pod'
  const name = podHostname(request)
  const addresses = networks.flatMap(({ ips }) => ips.map(({ address }) => address.replace(/\/.*$/, '')))
  const { servers = [], searches = [], options = [] } = request.dns ?? {}
  const texts: Readonly<Record<(typeof POD_FILES)[number], string>> = {
    hostname: `${name}\n`,
    hosts: ownNetns ? hostsText({ base: '', addHosts: [], ownAddresses: addresses, ownNames: [name] }) : readFileBounded('/etc/hosts', MAX_HOSTS_BYTES).toString('utf8'),
    'resolv.conf': resolvText({ host: request.dns && servers.length ? '' : readHostResolv(ownNetns), servers, searches, options, ownNetns, ipv6: !ownNetns || addresses.some((address) => address.includes(':')) }),
  }
  for (const file of POD_FILES) writeFileSync(join(etc, file), texts[file], { mode: 0o644 })
  const labels = podLabels(engine, id, request)
  if (labels) await setFileLabel(etc, labels.mountLabel)
}
