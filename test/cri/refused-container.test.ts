// What a container's configuration makes impossible is said when it is made: a kubelet shows it as an error of that, and tries no start.
import '../support/jail.ts'
import { status, type ServiceError } from '@grpc/grpc-js'
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { ContainerState, MountPropagation, NamespaceMode, type ContainerConfig, type DeepPartial, type LinuxContainerSecurityContext } from '../../src/cri/wire/generated/runtime-v1.ts'
import { openSuite } from '../support/suite.ts'
import { containerConfig, openCri, podConfig, startIn, untilState } from './cri.ts'

const suite = openSuite()
const ALONE = { namespaceOptions: { pid: NamespaceMode.CONTAINER } }
const LOCALHOST = 2
const { INVALID_ARGUMENT, NOT_FOUND } = status

const secured = (more: DeepPartial<LinuxContainerSecurityContext>): DeepPartial<ContainerConfig> => ({ linux: { securityContext: { ...ALONE, ...more } } })
const device = (hostPath: string, permissions = 'rwm'): DeepPartial<ContainerConfig> => ({ devices: [{ hostPath, containerPath: '/dev/thing', permissions }] })
const volume = (image: string, imageSubPath = ''): DeepPartial<ContainerConfig> => ({ mounts: [{ containerPath: '/volume', image: { image }, imageSubPath }] })

const bound = (hostPath: string, propagation: MountPropagation): DeepPartial<ContainerConfig> => ({ mounts: [{ containerPath: '/bound', hostPath, propagation }] })

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
  'both ways through a private mount': [bound('/tmp/private/folder', MountPropagation.PROPAGATION_BIDIRECTIONAL), INVALID_ARGUMENT, /\/tmp\/private\/folder lies in \/tmp\/private, which is no shared mount/],
  'both ways through a slave': [bound('/tmp/slave', MountPropagation.PROPAGATION_BIDIRECTIONAL), INVALID_ARGUMENT, /which is no shared mount/],
  'from the host through a private mount': [bound('/tmp/link', MountPropagation.PROPAGATION_HOST_TO_CONTAINER), INVALID_ARGUMENT, /\/tmp\/link lies in \/tmp\/private, which is no shared or slave mount/],
  'less swap than memory': [{ linux: { securityContext: ALONE, resources: { memoryLimitInBytes: 50_000_000n, memorySwapLimitInBytes: 1000n } } }, INVALID_ARGUMENT, /memory plus swap/],
})

/** tmpfs on /tmp/private, /tmp/shared and /tmp/slave, which are that; a link to a folder of the first. */
function mounted(t: TestContext): void {
  const dirs = ['private', 'shared', 'slave'].map((name) => `/tmp/${name}`)
  for (const dir of dirs) mkdirSync(dir, { recursive: true })
  execFileSync('sh', ['-ec', `for name in private shared; do mount -t tmpfs $name /tmp/$name; mount --make-$name /tmp/$name; mkdir /tmp/$name/folder; done
    mount --bind /tmp/shared /tmp/slave; mount --make-slave /tmp/slave; ln -sfn private/folder /tmp/link`])
  t.after(() => execFileSync('umount', dirs.toReversed()))
}

test('a container that its configuration makes impossible is not made', async (t) => {
  const { runtime, box } = await openCri(t, suite)
  writeFileSync('/tmp/broken.json', '{')
  mounted(t)
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

test('a folder for logs that cannot be made is told, and the server goes on', async (t) => {
  const { runtime } = await openCri(t, suite)
  const { podSandboxId } = await runtime.runPodSandbox({ config: podConfig({ logDirectory: '/proc/none', linux: { securityContext: ALONE } }) })
  const config = containerConfig(suite.busybox, ['true'], { linux: { securityContext: ALONE }, logPath: 'main/0.log' })
  const error = await runtime.createContainer({ podSandboxId, config }).then(() => assert.fail('taken'), (each: ServiceError) => each)
  assert.match(error.details, /^cannot make the directory \/proc\/none\/main: no such file or directory$/)
  assert.deepEqual((await runtime.listContainers()).containers, [])
})

test('mounts come through where the host lets them', async (t) => {
  const cri = await openCri(t, suite)
  mounted(t)
  const securityContext = { ...ALONE, privileged: true }
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config: podConfig({ linux: { securityContext } }) })
  const containerId = await startIn(cri, podSandboxId, containerConfig(suite.busybox, ['sleep', '1000'], { linux: { securityContext }, mounts: [
    { containerPath: '/both', hostPath: '/tmp/shared', propagation: MountPropagation.PROPAGATION_BIDIRECTIONAL }, { containerPath: '/from', hostPath: '/tmp/slave', propagation: MountPropagation.PROPAGATION_HOST_TO_CONTAINER },
  ] }))
  const { exitCode, stderr } = await cri.runtime.execSync({ containerId, cmd: ['sh', '-c', 'mount -t tmpfs inner /both/folder && touch /both/folder/x && ls /from/folder/x'], timeout: 10n })
  assert.equal(exitCode, 0, stderr.toString())
  assert.ok(existsSync('/tmp/shared/folder/x'))
  execFileSync('umount', ['/tmp/shared/folder'])
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
