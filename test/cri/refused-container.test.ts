// What a container's configuration makes impossible is said when it is made: a kubelet shows it as an error of that, and tries no start.
import '../support/jail.ts'
import { status, type ServiceError } from '@grpc/grpc-js'
import assert from 'node:assert/strict'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { ContainerState, NamespaceMode, type ContainerConfig, type DeepPartial, type LinuxContainerSecurityContext } from '../../src/cri/wire/generated/runtime-v1.ts'
import { openSuite } from '../support/suite.ts'
import { containerConfig, openCri, podConfig, startIn, untilState } from './cri.ts'

const suite = openSuite()
const ALONE = { namespaceOptions: { pid: NamespaceMode.CONTAINER } }
const LOCALHOST = 2
const { INVALID_ARGUMENT, NOT_FOUND } = status

const secured = (more: DeepPartial<LinuxContainerSecurityContext>): DeepPartial<ContainerConfig> => ({ linux: { securityContext: { ...ALONE, ...more } } })
const device = (hostPath: string, permissions = 'rwm'): DeepPartial<ContainerConfig> => ({ devices: [{ hostPath, containerPath: '/dev/thing', permissions }] })
const volume = (image: string, imageSubPath = ''): DeepPartial<ContainerConfig> => ({ mounts: [{ containerPath: '/volume', image: { image }, imageSubPath }] })

const cases = (): Readonly<Record<string, readonly [DeepPartial<ContainerConfig>, status, RegExp]>> => ({
  'user': [secured({ runAsUsername: 'eve' }), INVALID_ARGUMENT, /user eve/],
  'group': [secured({ runAsUsername: 'ada:crew' }), INVALID_ARGUMENT, /group crew/],
  'capability': [secured({ capabilities: { addCapabilities: ['FLY'] } }), INVALID_ARGUMENT, /unknown capability 'FLY'/],
  'ambient capability': [secured({ capabilities: { addAmbientCapabilities: ['FLY'] } }), INVALID_ARGUMENT, /unknown capability 'FLY'/],
  'device that is not there': [device('/dev/no-such'), NOT_FOUND, /\/dev\/no-such: no such device/],
  'device that is none': [device('/etc/passwd'), INVALID_ARGUMENT, /\/etc\/passwd: not a device/],
  'permissions of a device': [device('/dev/null', 'x'), INVALID_ARGUMENT, /permissions 'x'/],
  'CDI device': [{ CDIDevices: [{ name: 'vendor.example/thing=none' }] }, NOT_FOUND, /no CDI device vendor\.example\/thing=none/],
  'missing seccomp profile': [secured({ seccomp: { profileType: LOCALHOST, localhostRef: '/tmp/none.json' } }), INVALID_ARGUMENT, /\/tmp\/none\.json: no such file/],
  'broken seccomp profile': [secured({ seccomp: { profileType: LOCALHOST, localhostRef: '/tmp/broken.json' } }), INVALID_ARGUMENT, /\/tmp\/broken\.json: not valid JSON/],
  'AppArmor profile': [secured({ apparmor: { profileType: LOCALHOST, localhostRef: 'none-such' } }), existsSync('/sys/kernel/security/apparmor/profiles') ? NOT_FOUND : status.UNIMPLEMENTED, /AppArmor profile 'none-such'/],
  'image volume': [volume('localhost/none:1'), NOT_FOUND, /localhost\/none:1: image not known/],
  'part of an image volume': [volume(suite.busybox, 'no/such'), NOT_FOUND, /has no no\/such/],
  'mount on the root': [{ mounts: [{ containerPath: '/', hostPath: '/tmp' }] }, INVALID_ARGUMENT, /root/],
  'less swap than memory': [{ linux: { securityContext: ALONE, resources: { memoryLimitInBytes: 50_000_000n, memorySwapLimitInBytes: 1000n } } }, INVALID_ARGUMENT, /memory plus swap/],
})

test('a container that its configuration makes impossible is not made', async (t) => {
  const { runtime, box } = await openCri(t, suite)
  writeFileSync('/tmp/broken.json', '{')
  const logDirectory = '/tmp/logs/refused'
  const { podSandboxId } = await runtime.runPodSandbox({ config: podConfig({ logDirectory, linux: { securityContext: ALONE } }) })
  for (const [what, [more, code, text]] of Object.entries(cases())) {
    const config = containerConfig(suite.busybox, ['true'], { linux: { securityContext: ALONE }, logPath: 'folder/main.log', ...more })
    const error = await runtime.createContainer({ podSandboxId, config }).then(() => assert.fail(`${what}: taken`), (each: ServiceError) => each)
    assert.deepEqual([what, error.code], [what, code], error.details)
    assert.match(error.details, text, what)
    assert.match(error.details, /^[^\n\0]{1,400}$/, what)
    assert.doesNotMatch(error.details, /(^|\s)--/, `${what}: a kubelet has no flags`)
  }
  assert.deepEqual((await runtime.listContainers()).containers, [])
  assert.deepEqual([readdirSync(join(box.root, 'containers')), existsSync(join(logDirectory, 'folder'))], [[], false])
})

test('processes of a container that has ended are not to be shared', async (t) => {
  const cri = await openCri(t, suite)
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config: podConfig({ linux: { securityContext: ALONE } }) })
  const targetId = await startIn(cri, podSandboxId, containerConfig(suite.busybox, ['true'], { linux: { securityContext: ALONE } }))
  await untilState(cri, targetId, ContainerState.CONTAINER_EXITED)
  const config = containerConfig(suite.busybox, ['true'], { metadata: { name: 'debugger' }, ...secured({ namespaceOptions: { pid: NamespaceMode.TARGET, targetId } }) })
  const error = await cri.runtime.createContainer({ podSandboxId, config }).then(() => assert.fail('taken'), (each: ServiceError) => each)
  assert.equal(error.code, status.FAILED_PRECONDITION)
  assert.match(error.details, /^pid namespace: container k8s_main_\S+ is not running \(exited\)$/)
})

test('a user that the image knows by name is taken, under the name that was refused before', async (t) => {
  const cri = await openCri(t, suite)
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config: podConfig({ linux: { securityContext: ALONE } }) })
  const as = (runAsUsername: string) => containerConfig(suite.busybox, ['sleep', '1000'], secured({ runAsUsername }))
  await assert.rejects(startIn(cri, podSandboxId, as('eve')), { code: INVALID_ARGUMENT })
  const containerId = await startIn(cri, podSandboxId, as('ada'))
  assert.equal((await cri.runtime.execSync({ containerId, cmd: ['id', '-u'], timeout: 10n })).stdout.toString(), '1000\n')
})
