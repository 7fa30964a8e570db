// The fields that podman's JSON has, so that scripts written for it find them.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { toPlain } from '../../src/cli/template/values.ts'
import { configOf, hostConfigOf } from '../../src/commands/container/inspect-settings.ts'
import { psJson, statusText, type Shown } from '../../src/commands/container/ps-view.ts'
import type { Container } from '../../src/commands/container/row.ts'
import { inspectedImage } from '../../src/commands/image/inspect-view.ts'
import { imageJson } from '../../src/commands/image/images-view.ts'
import { networkView } from '../../src/commands/network/network-view.ts'
import { volumeView } from '../../src/commands/volume/volume-view.ts'

const FIELDS = JSON.parse(readFileSync(join(import.meta.dirname, 'fixtures/podman-fields.json'), 'utf8')) as Record<string, string[]>

const CONTAINER: Container = {
  id: 'ab'.repeat(32), name: 'web', createdAtMs: Date.UTC(2026, 0, 31), imageId: 'cd'.repeat(32), podId: undefined, phase: 'running', starts: 1,
  status: {
    startedAtMs: Date.UTC(2026, 0, 31), process: { pid: 42, startTime: 1, bootId: 'b' }, ports: [{ hostIp: '', hostPort: 8080, containerPort: 80, protocol: 'tcp', count: 1 }],
    networks: [{ network: 'scow', interfaceName: 'eth0', ips: [{ address: '10.89.0.2/24', gateway: '10.89.0.1' }] }],
  },
  summary: { imageName: 'localhost/web:1', command: ['nginx'], labels: { a: 'b' }, mounts: ['/data'], networks: ['scow'], exposed: ['80/tcp'], volumes: ['data'], autoRemove: false, restart: 'no', namespaces: {} },
  record: {
    version: 1, id: 'ab'.repeat(32), createdAtMs: 0, command: ['nginx'], entrypoint: [], workdir: '/', user: '', hostname: 'h', stopSignal: 15, stopTimeoutSeconds: 10, labels: { a: 'b' },
    volumes: [{ name: 'data', target: '/data', anonymous: false }], exposed: ['80/tcp'], storageDriver: 'overlay', runtime: { name: 'runc', path: '/usr/bin/runc' }, cgroupManager: 'cgroupfs',
    logPath: '/log', createCommand: ['scow', 'run'], image: { id: 'cd'.repeat(32), name: 'localhost/web:1', digest: 'sha256:0', chainIds: [] },
    request: {
      image: 'web:1', command: [], env: [], terminal: false, stdin: false, labels: [], annotations: [], devices: [], ports: [], sysctls: [], resources: { cpus: 0.5, memoryBytes: 1 << 26 }, security: {},
      mounts: [{ type: 'volume', name: 'data', target: '/data' }, { type: 'bind', source: '/a', target: '/b', readOnly: true }, { type: 'tmpfs', target: '/t', sizeBytes: 1 << 20 }],
      network: { kind: 'bridge', networks: [{ name: 'scow' }] }, log: { driver: 'k8s-file' }, restart: { name: 'on-failure', maxRetries: 2 },
      namespaces: { pid: { kind: 'private' }, ipc: { kind: 'shareable' }, uts: { kind: 'private' }, cgroup: { kind: 'private' } },
    },
  },
}
const SHOWN: Shown = { row: CONTAINER, nowMs: Date.UTC(2026, 0, 31, 0, 2, 5), truncate: true }

const fieldsOf = (value: unknown): string[] => Object.keys(toPlain(value) as object)
const hasAll = (what: string, value: unknown): void => {
  const own = new Set(fieldsOf(value))
  assert.deepEqual(FIELDS[what]!.filter((field) => !own.has(field)), [])
}

test('ps has podman\'s fields and types', () => {
  hasAll('ps', psJson(SHOWN))
  const plain = toPlain(psJson(SHOWN)) as Record<string, unknown>
  assert.deepEqual(plain['Ports'], [{ host_ip: '', container_port: 80, host_port: 8080, range: 1, protocol: 'tcp' }])
  assert.deepEqual((toPlain(psJson({ ...SHOWN, namespaces: { mnt: '1', user: '2' } })) as Record<string, unknown>)['Namespaces'], { Mnt: '1', User: '2' })
  assert.deepEqual([plain['Created'], plain['CreatedAt'], plain['ExitedAt'], plain['State'], plain['Status']], [1769817600, '2 minutes ago', -62135596800, 'running', 'Up 2 minutes ago'])
})
test('statuses read as podman\'s', () => {
  const as = (phase: Container['phase'], status: Container['status']) => statusText({ ...SHOWN, row: { ...CONTAINER, phase, status } })
  assert.equal(as('exited', { exitCode: 137, finishedAtMs: SHOWN.nowMs - 3 * 3_600_000 }), 'Exited (137) 3 hours ago')
  assert.equal(as('created', {}), 'Created')
  assert.equal(as('paused', {}), 'Paused')
})
test('inspect of a container has podman\'s Config and HostConfig', () => {
  hasAll('container config', configOf(CONTAINER, ['A=1']))
  hasAll('container host config', hostConfigOf(CONTAINER, { boundingCaps: [] }))
  const host = toPlain(hostConfigOf(CONTAINER, { boundingCaps: [] })) as Record<string, unknown>
  assert.deepEqual(host['PortBindings'], { '80/tcp': [{ HostIp: '', HostPort: '8080' }] })
  assert.deepEqual(host['RestartPolicy'], { Name: 'on-failure', MaximumRetryCount: 2 })
  assert.deepEqual([host['NanoCpus'], host['CpuQuota'], host['CpuPeriod'], host['Memory'], host['MemorySwap']], [5e8, 50_000, 100_000, 1 << 26, 1 << 27])
  assert.deepEqual(host['Tmpfs'], { '/t': 'size=1m,rw,rprivate,nosuid,nodev,tmpcopyup' })
  assert.deepEqual(host['Binds'], ['data:/data:rw,rprivate,nosuid,nodev,rbind', '/a:/b:ro,rprivate,rbind'])
})
test('inspect of an image leaves out what is empty, and shows the health check of docker\'s form', () => {
  const image = (manifestMediaType: string) => toPlain(inspectedImage({
    id: 'cd'.repeat(32), digest: 'sha256:0', names: [], digestNames: [], digests: [], chainIds: [], diffIds: [], manifestMediaType, sizeBytes: 1, pulledAt: '', layers: [],
    config: { config: { Cmd: ['sh'], Entrypoint: [], Volumes: {}, Healthcheck: { Test: ['CMD', 'x'], Interval: 5e9 } }, history: [{ comment: 'first' }, { comment: 'FROM 0123' }] },
  }, { name: 'overlay', data: null })) as Record<string, unknown>
  const [docker, oci] = [image('application/vnd.docker.distribution.manifest.v2+json'), image('application/vnd.oci.image.manifest.v1+json')]
  assert.deepEqual([docker['Config'], docker['Comment'], docker['Healthcheck']], [{ Cmd: ['sh'] }, '', { Test: ['CMD', 'x'], Interval: 5e9 }])
  assert.deepEqual([oci['Comment'], 'Healthcheck' in oci], ['first', false])
})
test('images, volumes and networks have podman\'s fields', () => {
  hasAll('image', imageJson({
    image: { id: 'cd'.repeat(32), digest: 'sha256:0', names: ['localhost/web:1'], digestNames: [], digests: [], chainIds: [], diffIds: [], config: {}, manifestMediaType: '', sizeBytes: 1, pulledAt: '', layers: [] },
    name: 'localhost/web:1', nowMs: 0, truncate: true, containers: 0,
  }))
  hasAll('volume', volumeView({ name: 'v', driver: 'local', mountpoint: '/v', labels: {}, options: {}, createdAtMs: 0, anonymous: false }, 0))
  hasAll('network', networkView({
    name: 'n', id: '00', driver: 'bridge', network_interface: 'n0', created: '2026-01-31T00:00:00Z', subnets: [{ subnet: '10.89.0.0/24', gateway: '10.89.0.1' }],
    ipv6_enabled: false, internal: false, dns_enabled: false, ipam_options: { driver: 'host-local' },
  }))
})
