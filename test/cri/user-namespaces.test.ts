import '../support/jail.ts'
import { status, type ServiceError } from '@grpc/grpc-js'
import assert from 'node:assert/strict'
import { chmodSync, chownSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import test from 'node:test'
import { NamespaceMode, type DeepPartial, type LinuxSandboxSecurityContext, type NamespaceOption, type UserNamespace } from '../../src/cri/wire/generated/runtime-v1.ts'
import { openSuite } from '../support/suite.ts'
import { codeOf, containerConfig, openCri, podConfig, startIn, type Cri } from './cri.ts'

const suite = openSuite()
const BASE = 300_000
const IDS = [{ containerId: 0, hostId: BASE, length: 65_536 }]
const POD: DeepPartial<UserNamespace> = { mode: NamespaceMode.POD, uids: IDS, gids: IDS }

const within = (more: DeepPartial<NamespaceOption>, usernsOptions: DeepPartial<UserNamespace> = POD): { linux: { securityContext: DeepPartial<LinuxSandboxSecurityContext> } } =>
  ({ linux: { securityContext: { namespaceOptions: { ...more, usernsOptions } } } })
const ALONE = within({ pid: NamespaceMode.CONTAINER })

async function openShifted(t: Parameters<typeof openCri>[0]): Promise<Cri> {
  const cri = await openCri(t, suite)
  // Who is root of a user namespace alone must come through to the containers' roots.
  chmodSync(cri.box.dir, 0o711)
  return cri
}

const inside = async (cri: Cri, containerId: string, command: string): Promise<string> => {
  const { stdout, stderr } = await cri.runtime.execSync({ containerId, cmd: ['sh', '-c', command], timeout: 10n })
  return `${stdout}${stderr}`
}

for (const runtimeHandler of ['', 'crun']) test(`the root of a pod with its own user namespace is nobody on the host, and owns its files (${runtimeHandler || 'default'})`, async (t) => {
  const cri = await openShifted(t)
  const { runtimeHandlers, features } = await cri.runtime.status()
  assert.deepEqual(runtimeHandlers.filter(({ name }) => ['', 'runc', 'crun'].includes(name)).map(({ features: of }) => of?.userNamespaces).filter((able) => !able), [])
  assert.equal(features?.userNamespacesHostNetwork, true)
  const { podSandboxId } = await cri.runtime.runPodSandbox({ runtimeHandler, config: podConfig({ ...ALONE, hostname: 'shifted', linux: { ...ALONE.linux, sysctls: { 'net.ipv4.ip_unprivileged_port_start': '80' } } }) })
  const containerId = await startIn(cri, podSandboxId, containerConfig(suite.busybox, ['sh', '-c', 'echo made > /made; echo said > /dev/stdout; sleep 1000'], ALONE))
  assert.equal(await inside(cri, containerId, 'until [ -e /made ]; do sleep 0.05; done; tr -s " " < /proc/self/uid_map; id -u; stat -c %u:%g /made /bin/busybox /etc /home/ada /dev/mqueue; hostname; cat /proc/sys/net/ipv4/ip_unprivileged_port_start; ip -o -4 addr show eth0 | grep -c 10.200; cat /sys/class/net/lo/flags'),
    ` 0 ${BASE} 65536\n0\n0:0\n0:0\n0:0\n1000:1000\n0:0\nshifted\n80\n1\n0x9\n`)
  assert.match(await inside(cri, containerId, 'chown 5:6 /made && stat -c %u:%g /made; rm -r /home/ada && echo removed; mknod /x c 1 3; mount -t tmpfs x /tmp'), /^5:6\nremoved\nmknod: [^]*mount: [^]*denied/)
  const { info } = await cri.runtime.containerStatus({ containerId, verbose: true })
  assert.equal(statSync(`/proc/${(JSON.parse(info['info']!) as { pid: number }).pid}`).uid, BASE)
  const second = await startIn(cri, podSandboxId, containerConfig(suite.busybox, ['sleep', '1000'], { ...ALONE, metadata: { name: 'second' } }))
  const namespaces = 'for n in user net ipc uts; do readlink /proc/self/ns/$n; done'
  assert.equal(await inside(cri, second, namespaces), await inside(cri, containerId, namespaces))
  assert.equal((await cri.runtime.podSandboxStatus({ podSandboxId })).status?.linux?.namespaces?.options?.usernsOptions?.uids[0]?.hostId, BASE)
})

test('a store below a folder that lets only its owner through is named, with what to do', async (t) => {
  const cri = await openShifted(t)
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config: podConfig(ALONE) })
  chmodSync(cri.box.dir, 0o700)
  await assert.rejects(startIn(cri, podSandboxId, containerConfig(suite.busybox, ['true'], ALONE)), (error: ServiceError) => error.message.includes(`${cri.box.dir} lets its owner alone through`) && error.code === status.PERMISSION_DENIED)
})

test('volumes are mounted with shifted owners, files too', async (t) => {
  const cri = await openShifted(t)
  mkdirSync('/tmp/volume', { recursive: true })
  writeFileSync('/tmp/volume/old', 'old\n')
  chownSync('/tmp/volume/old', 7, 8)
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config: podConfig(ALONE) })
  const containerId = await startIn(cri, podSandboxId, containerConfig(suite.busybox, ['sleep', '1000'], {
    ...ALONE, mounts: [
      { containerPath: '/volume', hostPath: '/tmp/volume', uidMappings: IDS, gidMappings: IDS },
      { containerPath: '/one', hostPath: '/tmp/volume/old', uidMappings: IDS, gidMappings: IDS, readonly: true },
      { containerPath: '/plain', hostPath: '/tmp/volume' },
    ],
  }))
  assert.equal(await inside(cri, containerId, 'stat -c %u:%g /volume/old /one /plain/old; echo new > /volume/new; echo no > /one || cat /one'), '7:8\n7:8\n65534:65534\nold\nsh: can\'t create /one: Read-only file system\n')
  assert.deepEqual([statSync('/tmp/volume/new').uid, statSync('/tmp/volume/old').uid], [0, 7])
})

test('a pod with its own user namespace may share processes or use the host\'s network', async (t) => {
  const cri = await openShifted(t)
  const shared = within({})
  const first = await cri.runtime.runPodSandbox({ config: podConfig(shared) })
  const one = await startIn(cri, first.podSandboxId, containerConfig(suite.busybox, ['sleep', '1234'], shared))
  assert.match(await inside(cri, one, 'ps'), /\/pause[^]*sleep 1234/)
  const onHost = within({ pid: NamespaceMode.CONTAINER, network: NamespaceMode.NODE })
  const second = await cri.runtime.runPodSandbox({ config: podConfig(onHost) })
  const two = await startIn(cri, second.podSandboxId, containerConfig(suite.busybox, ['sleep', '1000'], onHost))
  assert.equal(await inside(cri, two, 'id -u; cat /proc/self/uid_map | tr -s " "'), `0\n 0 ${BASE} 65536\n`)
  await cri.restart('SIGKILL')
  assert.equal(await inside(cri, one, 'id -u'), '0\n')
})

test('image volumes have the owners of the image', async (t) => {
  const cri = await openShifted(t)
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config: podConfig(ALONE) })
  const containerId = await startIn(cri, podSandboxId, containerConfig(suite.busybox, ['sleep', '1000'], { ...ALONE, mounts: [{ containerPath: '/pics', image: { image: suite.busybox } }] }))
  assert.equal(await inside(cri, containerId, 'stat -c %u:%g /pics/etc /pics/home/ada'), '0:0\n1000:1000\n')
})

test('mappings that make no sense are refused', async (t) => {
  const { runtime } = await openShifted(t)
  const refused = async (options: DeepPartial<UserNamespace>) => codeOf(runtime.runPodSandbox({ config: podConfig(within({}, options)) }))
  assert.equal(await refused({ ...POD, uids: [...IDS, { containerId: 70_000, hostId: 900_000, length: 1 }] }), status.INVALID_ARGUMENT)
  assert.equal(await refused({ ...POD, uids: [{ containerId: 1, hostId: BASE, length: 10 }] }), status.INVALID_ARGUMENT)
  assert.equal(await refused({ ...POD, gids: [] }), status.INVALID_ARGUMENT)
  assert.equal(await refused({ ...POD, mode: NamespaceMode.CONTAINER }), status.INVALID_ARGUMENT)
  assert.equal(await refused({ ...POD, mode: NamespaceMode.TARGET }), status.INVALID_ARGUMENT)
  assert.equal(await refused({ mode: NamespaceMode.NODE, uids: IDS }), status.INVALID_ARGUMENT)
  assert.equal(await refused({ ...POD, uids: [{ containerId: 0, hostId: 4_294_967_290, length: 100 }], gids: IDS }), status.INVALID_ARGUMENT)
  assert.deepEqual((await runtime.listPodSandbox()).items, [])
})
