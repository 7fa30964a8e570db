// What makes no sense is refused with a reason, before anything is made of it.
import '../support/jail.ts'
import { status, type ServiceError } from '@grpc/grpc-js'
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { NamespaceMode, type ContainerConfig, type DeepPartial, type LinuxContainerResources, type LinuxContainerSecurityContext, type PodSandboxConfig } from '../../src/cri/wire/generated/runtime-v1.ts'
import { openSuite } from '../support/suite.ts'
import { containerConfig, openCri, podConfig, startIn } from './cri.ts'

const suite = openSuite()
const ALONE = { namespaceOptions: { pid: NamespaceMode.CONTAINER } }
/** Of no enum. */
const UNKNOWN = 99 as 0
const HUGE = 2n ** 62n

/** A refusal as it should be: the code, and a message of one line that a terminal can show. */
async function refused(what: string, act: Promise<unknown>): Promise<void> {
  const error = await act.then((answer) => assert.fail(`${what}: answered ${String(answer)}`), (each: ServiceError) => each)
  assert.deepEqual([what, error.code, error.details], [what, status.INVALID_ARGUMENT, error.details])
  assert.match(error.details, /^[^\n\0]{1,400}$/, what)
}

const resources: Readonly<Record<string, DeepPartial<LinuxContainerResources>>> = {
  'negative memory': { memoryLimitInBytes: -5n }, 'negative swap': { memorySwapLimitInBytes: -2n }, 'less swap than memory': { memoryLimitInBytes: 50_000_000n, memorySwapLimitInBytes: 1000n },
  'negative shares': { cpuShares: -1n }, 'huge shares': { cpuShares: HUGE }, 'negative period': { cpuPeriod: -1n }, 'negative quota': { cpuQuota: -100n }, 'tiny quota': { cpuQuota: 1n, cpuPeriod: 100_000n },
  'oom score': { oomScoreAdj: 5000n }, 'cpus by name': { cpusetCpus: 'all' }, 'memory nodes by name': { cpusetMems: '../0' },
  'page size': { hugepageLimits: [{ pageSize: '../2MB', limit: 1n }] }, 'setting of cgroups': { unified: { '../memory.max': '1' } },
}

const security: Readonly<Record<string, DeepPartial<LinuxContainerSecurityContext>>> = {
  'negative user': { runAsUser: { value: -1n } }, 'huge user': { runAsUser: { value: HUGE } }, 'negative group': { runAsUser: { value: 0n }, runAsGroup: { value: -1n } }, 'negative supplementary group': { supplementalGroups: [-1n] },
  'policy of groups': { supplementalGroupsPolicy: UNKNOWN }, 'process namespace': { namespaceOptions: { pid: UNKNOWN } }, 'no target': { namespaceOptions: { pid: NamespaceMode.TARGET } },
  'seccomp profile': { seccomp: { profileType: UNKNOWN } }, 'relative seccomp profile': { seccomp: { profileType: 2, localhostRef: 'profile.json' } }, 'AppArmor profile': { apparmor: { profileType: UNKNOWN } },
  'relative masked path': { maskedPaths: ['proc/kcore'] }, 'relative read-only path': { readonlyPaths: ['proc/sys'] },
}

const containers: Readonly<Record<string, DeepPartial<ContainerConfig>>> = {
  'no name': { metadata: { name: '' } }, 'name that leads out': { metadata: { name: '../x' } }, 'endless name': { metadata: { name: 'x'.repeat(100_000) } }, 'image that is none': { image: { image: 'No Image!' } },
  'relative source': { mounts: [{ containerPath: '/x', hostPath: 'tmp' }] }, 'relative target': { mounts: [{ containerPath: 'x', hostPath: '/tmp' }] }, 'propagation': { mounts: [{ containerPath: '/x', hostPath: '/tmp', propagation: UNKNOWN }] },
  'empty id mapping': { mounts: [{ containerPath: '/x', hostPath: '/tmp', uidMappings: [{ hostId: 1, containerId: 0, length: 0 }] }] },
  'id mapping past the end': { mounts: [{ containerPath: '/x', hostPath: '/tmp', uidMappings: [{ hostId: 4_294_967_295, containerId: 0, length: 2 }] }] },
  'relative device': { devices: [{ hostPath: 'null', containerPath: '/dev/x', permissions: 'rwm' }] }, 'relative device inside': { devices: [{ hostPath: '/dev/null', containerPath: 'x', permissions: 'rwm' }] }, 'CDI device': { CDIDevices: [{ name: '../thing' }] },
  'log that leads out': { logPath: '../../../../tmp/x.log' }, 'endless log path': { logPath: 'x'.repeat(5000) }, 'signal': { stopSignal: UNKNOWN },
  'variable without a name': { envs: [{ key: '', value: 'x' }] }, 'variable with a sign': { envs: [{ key: 'a=b', value: 'x' }] }, 'NUL in a variable': { envs: [{ key: 'a', value: 'x\0y' }] },
  'NUL in a word': { command: ['echo', 'a\0b'] }, 'NUL in a path': { mounts: [{ containerPath: '/x\0', hostPath: '/tmp' }] }, 'NUL in a label': { labels: { 'a\0': 'b' } }, 'empty command': { command: [''] },
}

const pods: Readonly<Record<string, DeepPartial<PodSandboxConfig>>> = {
  'name': { metadata: { name: 'a b', namespace: 'x', uid: 'u' } }, 'endless name': { metadata: { name: 'a'.repeat(5000), namespace: 'x', uid: 'u' } }, 'host name': { hostname: 'a\nb' }, 'relative log directory': { logDirectory: 'logs' },
  'server of names': { dnsConfig: { servers: ['dns.example'] } }, 'line in a server': { dnsConfig: { servers: ['1.1.1.1\noptions x'] } }, 'line in a search': { dnsConfig: { searches: ['a\nb'] } }, 'empty option': { dnsConfig: { options: [''] } },
  'port of the host': { portMappings: [{ hostPort: 70_000, containerPort: 80 }] }, 'negative port': { portMappings: [{ hostPort: -1, containerPort: 80 }] }, 'port of the pod': { portMappings: [{ hostPort: 7000, containerPort: 0 }] },
  'protocol': { portMappings: [{ hostPort: 7000, containerPort: 80, protocol: UNKNOWN }] }, 'address of a port': { portMappings: [{ hostPort: 7000, containerPort: 80, hostIp: 'here' }] },
  'network': { linux: { securityContext: { namespaceOptions: { network: UNKNOWN } } } }, 'IPC': { linux: { securityContext: { namespaceOptions: { ipc: UNKNOWN } } } }, 'processes of another': { linux: { securityContext: { namespaceOptions: { pid: NamespaceMode.TARGET } } } },
  'user namespace': { linux: { securityContext: { namespaceOptions: { usernsOptions: { mode: UNKNOWN } } } } },
  'cgroup that leads out': { linux: { cgroupParent: '/a/../../b' } }, 'relative cgroup': { linux: { cgroupParent: 'a/b' } }, 'sysctl that leads out': { linux: { sysctls: { '../x': '1' } } }, 'sysctl that is none': { linux: { sysctls: { 'net.no.such': '1' } } }, 'value of a sysctl': { linux: { sysctls: { 'net/core/somaxconn': 'lots\n"' } } },
  'sysctl of the machine': { linux: { sysctls: { 'vm.swappiness': '1' } } }, 'NUL in a cgroup': { linux: { cgroupParent: '/a\0b' } }, 'bandwidth': { annotations: { 'kubernetes.io/ingress-bandwidth': 'lots' } },
}

test('what makes no sense is refused, and nothing of it stays', async (t) => {
  const { runtime, images, box } = await openCri(t, suite)
  const { podSandboxId } = await runtime.runPodSandbox({ config: podConfig({ linux: { securityContext: ALONE } }) })
  const create = (more: DeepPartial<ContainerConfig>) => runtime.createContainer({ podSandboxId, config: containerConfig(suite.busybox, ['true'], more) })
  for (const [what, more] of Object.entries(containers)) await refused(what, create(more))
  for (const [what, more] of Object.entries(security)) await refused(what, create({ linux: { securityContext: { ...ALONE, ...more } } }))
  for (const [what, more] of Object.entries(resources)) await refused(what, create({ linux: { securityContext: ALONE, resources: more } }))
  for (const [what, more] of Object.entries(pods)) await refused(what, runtime.runPodSandbox({ config: podConfig(more) }))
  const value = runtime.runPodSandbox({ config: podConfig({ linux: { sysctls: { 'net.ipv4.ip_forward': '1', 'net.core.somaxconn': 'lots' } } }) })
  await assert.rejects(value, { details: 'sysctl net.core.somaxconn: the kernel does not take "lots"' })
  await refused('no container config', runtime.createContainer({ podSandboxId }))
  await refused('no sandbox config', runtime.runPodSandbox({}))
  for (const image of ['', 'http://x y', '!!!']) await refused(`image "${image}"`, images.pullImage({ image: { image } }))
  await refused('image to remove', images.removeImage({ image: { image: '!!!' } }))
  assert.deepEqual((await runtime.listContainers()).containers, [])
  assert.deepEqual((await runtime.listPodSandbox()).items.map(({ id }) => id), [podSandboxId])
  assert.deepEqual(readdirSync(join(box.root, 'containers')), [])
})

test('a running container is asked for nothing that makes no sense', async (t) => {
  const cri = await openCri(t, suite)
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config: podConfig({ linux: { securityContext: ALONE } }) })
  const containerId = await startIn(cri, podSandboxId, containerConfig(suite.busybox, ['sleep', '1000'], { linux: { securityContext: ALONE } }))
  for (const [what, linux] of Object.entries(resources)) if (!('oomScoreAdj' in linux)) await refused(what, cri.runtime.updateContainerResources({ containerId, linux }))
  await refused('cpus that are not there', cri.runtime.updateContainerResources({ containerId, linux: { cpusetCpus: '4000' } }))
  assert.equal((await cri.runtime.containerStatus({ containerId })).status?.resources, undefined)
  await refused('NUL in a command', cri.runtime.execSync({ containerId, cmd: ['tr\0ue'] }))
  await refused('no command', cri.runtime.execSync({ containerId, cmd: [] }))
  await refused('ports', cri.runtime.portForward({ podSandboxId, port: [80, 70_000] }))
  await refused('no streams', cri.runtime.exec({ containerId, cmd: ['sh'] }))
  await refused('no container', cri.runtime.stopContainer({ containerId: '' }))
  assert.equal((await cri.runtime.execSync({ containerId, cmd: ['true'], timeout: HUGE })).exitCode, 0)
  const stopping = cri.runtime.stopContainer({ containerId, timeout: HUGE })
  await cri.runtime.stopContainer({ containerId, timeout: -HUGE })
  await stopping
})

test('lists that are long beyond reason are taken, or refused, and the server lives on', async (t) => {
  const cri = await openCri(t, suite)
  const many = (count: number) => Array.from({ length: count }, (_, index) => index)
  const labels = Object.fromEntries(many(20_000).map((index) => [`label-${index}`, 'value']))
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config: podConfig({ labels, linux: { securityContext: ALONE } }) })
  const config = containerConfig(suite.busybox, ['sh', '-c', 'env | grep -c ^VARIABLE_'], { labels, envs: many(20_000).map((index) => ({ key: `VARIABLE_${index}`, value: 'x' })), linux: { securityContext: ALONE } })
  await startIn(cri, podSandboxId, config)
  assert.equal(Object.keys((await cri.runtime.listPodSandbox()).items[0]!.labels).length, 20_000)
  const mounts = many(1500).map((index) => ({ containerPath: `/mounts/${index}`, hostPath: '/tmp' }))
  const { containerId } = await cri.runtime.createContainer({ podSandboxId, config: containerConfig(suite.busybox, ['true'], { metadata: { name: 'mounts' }, mounts, linux: { securityContext: ALONE } }) })
  await cri.runtime.startContainer({ containerId }).catch(() => undefined) // a machine may allow fewer
  assert.ok((await cri.runtime.containerStatus({ containerId })).status!.startedAt > 0n)
  const [{ code }] = await Promise.all([cri.runtime.createContainer({ podSandboxId, config: { ...config, metadata: { name: 'big' }, args: ['x'.repeat(17 << 20)] } }).then(() => ({ code: 0 }), (error: ServiceError) => error), cri.runtime.version()])
  assert.equal(code, status.RESOURCE_EXHAUSTED)
})
