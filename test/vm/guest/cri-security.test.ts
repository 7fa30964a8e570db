// What confines containers of the CRI server on a kernel with AppArmor and idmapped mounts, which the suite of any host may lack.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import test, { type TestContext } from 'node:test'
import { NamespaceMode, SecurityProfile_ProfileType as Kind } from '../../../src/cri/wire/generated/runtime-v1.ts'
import { containerConfig, openCri, podConfig, startIn } from '../../cri/cri.ts'
import { openSuite } from '../../support/suite.ts'
import { ALONE, inside, pidOf } from './in-container.ts'

const suite = openSuite()

test('profiles of AppArmor and seccomp', async (t) => {
  const cri = await openCri(t, suite)
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config: podConfig(ALONE) })
  execFileSync('apparmor_parser', ['--replace'], { input: 'profile k8s-test flags=(attach_disconnected) {\n  file,\n  capability,\n  network,\n  signal,\n  ptrace,\n  deny /etc/** w,\n}\n' })
  writeFileSync('/tmp/no-mkdir.json', JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 1 }] }))
  let count = 0
  const start = (more: object) => startIn(cri, podSandboxId, containerConfig(suite.busybox, ['sleep', '10000'], { metadata: { name: `c${++count}` }, linux: { securityContext: { ...ALONE.linux.securityContext, ...more } } }))
  const cases: readonly [string, object, string][] = [
    ['nothing said: the default profile, and no filter', {}, 'scow-default (enforce) 0 made wrote'],
    ['RuntimeDefault', { apparmor: { profileType: Kind.RuntimeDefault }, seccomp: { profileType: Kind.RuntimeDefault } }, 'scow-default (enforce) 2 made wrote'],
    ['Unconfined', { apparmor: { profileType: Kind.Unconfined }, seccomp: { profileType: Kind.Unconfined } }, 'unconfined 0 made wrote'],
    ['Localhost', { apparmor: { profileType: Kind.Localhost, localhostRef: 'k8s-test' }, seccomp: { profileType: Kind.Localhost, localhostRef: '/tmp/no-mkdir.json' } }, 'k8s-test (enforce) 2 - -'],
    ['localhost/ in the old words', { apparmorProfile: 'localhost/k8s-test', seccompProfilePath: 'localhost//tmp/no-mkdir.json' }, 'k8s-test (enforce) 2 - -'],
    ['runtime/default in the old words', { apparmorProfile: 'runtime/default', seccompProfilePath: 'runtime/default' }, 'scow-default (enforce) 2 made wrote'],
    ['unconfined in the old words', { apparmorProfile: 'unconfined', seccompProfilePath: 'unconfined' }, 'unconfined 0 made wrote'],
  ]
  for (const [name, more, seen] of cases) await t.test(name, async () => {
    const command = 'echo $(cat /proc/1/attr/current) $(sed -n "s/^Seccomp:\\s*//p" /proc/1/status) $(mkdir /m && echo made || echo -) $(echo x >/etc/x && echo wrote || echo -) 2>/dev/null'
    assert.equal((await inside(cri, await start(more), command)).split('\n').filter((line) => line.includes(seen.split(' ')[0]!)).at(-1), seen)
  })
  await t.test('a profile that allows no signals does not keep a container from its end', async () => {
    execFileSync('apparmor_parser', ['--replace'], { input: 'profile k8s-deaf flags=(attach_disconnected) {\n  file,\n  capability,\n}\n' })
    const containerId = await start({ apparmor: { profileType: Kind.Localhost, localhostRef: 'k8s-deaf' } })
    await cri.runtime.stopContainer({ containerId })
    assert.equal((await cri.runtime.containerStatus({ containerId })).status?.exitCode, 137)
  })
  await t.test('one that is not there is named', async () => {
    const refused = (more: object, message: RegExp) => assert.rejects(start(more), (error: { details: string }) => { assert.match(error.details, message); return true })
    await refused({ apparmor: { profileType: Kind.Localhost, localhostRef: 'absent' } }, /^[^\n]*absent[^\n]*$/)
    await refused({ seccomp: { profileType: Kind.Localhost, localhostRef: '/tmp/absent.json' } }, /^[^\n]*\/tmp\/absent\.json[^\n]*$/)
  })
})

test('a mount is read-only with all that is mounted below it where that was asked for', async (t) => {
  mkdirSync('/srv/outer/inner', { recursive: true })
  execFileSync('mount', ['-t', 'tmpfs', 'none', '/srv/outer/inner'])
  t.after(() => execFileSync('umount', ['/srv/outer/inner']))
  const cri = await openCri(t, suite)
  assert.equal((await cri.runtime.status()).runtimeHandlers.find(({ name }) => name === '')?.features?.recursiveReadOnlyMounts, true)
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config: podConfig(ALONE) })
  const mounts = [{ containerPath: '/all', hostPath: '/srv/outer', readonly: true, recursiveReadOnly: true }, { containerPath: '/top', hostPath: '/srv/outer', readonly: true }]
  const containerId = await startIn(cri, podSandboxId, containerConfig(suite.busybox, ['sleep', '10000'], { ...ALONE, mounts }))
  assert.equal(await inside(cri, containerId, 'for f in /all/x /all/inner/x /top/x /top/inner/x; do touch $f 2>/dev/null && echo $f; done'), '/top/inner/x\n')
  // Debian's crun cannot say whether it can.
  const crun = await cri.runtime.runPodSandbox({ runtimeHandler: 'crun', config: podConfig(ALONE) })
  await assert.rejects(startIn(cri, crun.podSandboxId, containerConfig(suite.busybox, ['sleep', '10000'], { ...ALONE, mounts: mounts.slice(0, 1) })),
    { details: 'recursive read-only mount on /all: the OCI runtime can\'t do it, or can\'t say (use runc 1.1, or a crun that has the command features)' })
  assert.deepEqual((await cri.runtime.containerStatus({ containerId })).status?.mounts.map(({ recursiveReadOnly }) => recursiveReadOnly), [true, false])
})

const IDS = [{ containerId: 0, hostId: 300_000, length: 65_536 }]
const SHIFTED = { linux: { securityContext: { namespaceOptions: { pid: NamespaceMode.CONTAINER, usernsOptions: { mode: NamespaceMode.POD, uids: IDS, gids: IDS } } } } }

async function shifted(t: TestContext, runtimeHandler: string): Promise<void> {
  const cri = await openCri(t, suite)
  chmodSync(cri.box.dir, 0o711)
  mkdirSync('/srv/ids', { recursive: true })
  writeFileSync('/srv/ids/old', 'old\n')
  chownSync('/srv/ids/old', 7, 8)
  const { podSandboxId } = await cri.runtime.runPodSandbox({ runtimeHandler, config: podConfig(SHIFTED) })
  const mounts = [{ containerPath: '/shifted', hostPath: '/srv/ids', uidMappings: IDS, gidMappings: IDS }, { containerPath: '/plain', hostPath: '/srv/ids' }]
  const containerId = await startIn(cri, podSandboxId, containerConfig(suite.busybox, ['sleep', '10000'], { ...SHIFTED, mounts }))
  assert.equal(await inside(cri, containerId, 'tr -s " " </proc/self/uid_map; stat -c %u:%g /shifted/old /plain/old /bin/busybox /dev/mqueue; echo new >/shifted/new; cat /proc/self/cgroup'), ' 0 300000 65536\n7:8\n65534:65534\n0:0\n0:0\n0::/\n')
  assert.equal(statSync('/srv/ids/new').uid, 0)
  const pid = await pidOf(cri, containerId)
  assert.equal(statSync(`/proc/${pid}`).uid, 300_000)
  assert.match(readFileSync(`/proc/${pid}/attr/current`, 'utf8'), /^scow-default \(enforce\)/)
}
for (const runtimeHandler of ['runc', 'crun']) test(`a pod with its own user namespace, and volumes with shifted owners (${runtimeHandler})`, (t) => shifted(t, runtimeHandler))
