// Labels of SELinux, with a policy that enforces them: of containers of `scow run`, and of pods of the CRI server.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import test, { after, before } from 'node:test'
import { NamespaceMode } from '../../../src/cri/wire/generated/runtime-v1.ts'
import { containerConfig, openCri, podConfig, startIn } from '../../cri/cri.ts'
import { openSuite } from '../../support/suite.ts'
import { ALONE, inside, pidOf } from './in-container.ts'

const suite = openSuite()
const call = (file: string, ...args: string[]): string => execFileSync(file, args, { encoding: 'utf8' }).trim()
const fileLabel = (path: string): string => call('stat', '-c', '%C', path)
const OWN = /^system_u:system_r:container_t:s0:c\d+,c\d+$/

function folder(path: string): string {
  mkdirSync(path, { recursive: true })
  writeFileSync(`${path}/file`, 'content\n')
  return path
}

before(() => call('setenforce', '1'))
after(() => call('setenforce', '0'))

test('a container runs under a label of its own, and its files have one that fits', async (t) => {
  const box = await suite.box(t)
  assert.equal(await box.ok('info', '-f', '{{.Host.Security.SELinuxEnabled}}'), 'true')
  await box.ok('run', '-d', '--name', 'c', '-v', 'kept:/kept', suite.busybox, 'sh', '-c', 'echo more >/kept/file; sleep 1000')
  const [pid, processLabel, mountLabel] = (await box.ok('inspect', '-f', '{{.State.Pid}} {{.ProcessLabel}} {{.MountLabel}}', 'c')).split(' ') as [string, string, string]
  assert.match(processLabel, OWN)
  assert.equal(readFileSync(`/proc/${pid}/attr/current`, 'latin1').replace('\0', ''), processLabel)
  assert.equal(mountLabel, processLabel.replace('system_r:container_t', 'object_r:container_file_t'))
  assert.match(readFileSync(`/proc/${pid}/mountinfo`, 'utf8'), new RegExp(` / / [^\\n]* overlay [^\\n]*context="${mountLabel}"`))
  assert.equal(await box.ok('exec', 'c', 'sh', '-c', 'cat /proc/self/attr/current; echo x >/made; cat /made /kept/file; tail -n 1 /etc/hosts >/dev/null && touch /dev/shm/x && echo fine'), `${processLabel}\0x\nmore\nfine`)
  assert.equal(fileLabel(`${box.root}/volumes/kept/_data`), 'system_u:object_r:container_file_t:s0')

  // Files of the host are out of reach until they are given away.
  const dir = folder('/srv/given')
  const read = async (options: string) => box.scow(['run', '--rm', '--network', 'none', '-v', `${dir}:/given${options}`, suite.busybox, 'cat', '/given/file'])
  assert.match((await read('')).stderr, /Permission denied/)
  assert.equal((await read(':Z')).stdout, 'content\n')
  assert.match(fileLabel(`${dir}/file`), /^system_u:object_r:container_file_t:s0:c\d+,c\d+$/)
  assert.match((await read('')).stderr, /Permission denied/, 'it is that container\'s own')
  assert.equal((await read(':z')).stdout, 'content\n')
  assert.equal(fileLabel(`${dir}/file`), 'system_u:object_r:container_file_t:s0')
  assert.equal((await read('')).stdout, 'content\n')

  const label = async (...options: string[]) => (await box.ok('run', '--rm', '--network', 'none', ...options, suite.busybox, 'cat', '/proc/self/attr/current')).replace('\0', '').trim()
  assert.equal(await label('--security-opt', 'label=level:s0:c1,c2'), 'system_u:system_r:container_t:s0:c1,c2')
  const free = call('cat', '/proc/self/attr/current').replace('\0', '')
  assert.equal(await label('--security-opt', 'label=disable'), free)
  assert.equal(await label('--privileged'), free)
  assert.match(await box.fails(125, 'run', '--rm', '--network', 'none', '--security-opt', 'label=type:absent_t', suite.busybox, 'true'),
    /^Error: the SELinux policy of this host knows no label system_u:system_r:absent_t:s0:c\d+,c\d+; [^\n]*ask for a type that it knows, [^\n]*\n$/)
})

test('pods of the CRI server', async (t) => {
  const cri = await openCri(t, suite)
  const { runtime } = cri
  const label = async (containerId: string) => readFileSync(`/proc/${await pidOf(cri, containerId)}/attr/current`, 'latin1').replace('\0', '')
  const start = (pod: string, name: string, more: Parameters<typeof containerConfig>[2] = {}) => startIn(cri, pod, containerConfig(suite.busybox, ['sleep', '10000'], { ...ALONE, metadata: { name }, ...more }))
  const run = async (linux: object = ALONE.linux, runtimeHandler = '') => (await runtime.runPodSandbox({ config: podConfig({ linux }), runtimeHandler })).podSandboxId
  const selinux = (selinuxOptions: object, more: object = {}) => ({ securityContext: { ...ALONE.linux.securityContext, selinuxOptions, ...more } })

  await t.test('containers of a pod have one level, and share what is the pod\'s', async () => {
    const pod = await run({})
    const shared = { linux: {} }
    const dir = folder('/srv/volume')
    const first = await start(pod, 'first', { ...shared, mounts: [{ containerPath: '/volume', hostPath: dir, selinuxRelabel: true }, { containerPath: '/pictures', image: { image: suite.busybox } }] })
    const second = await start(pod, 'second', shared)
    assert.match(await label(first), OWN)
    assert.equal(await label(second), await label(first))
    assert.equal(await inside(cri, first, 'cat /volume/file; /pictures/bin/busybox echo image; echo memory >/dev/shm/f; tail -n 1 /etc/hosts | cut -f 2; echo made >/made; cat /made; cat /proc/self/attr/current | tr -d "\\0"'),
      `content\nimage\n${(await runtime.podSandboxStatus({ podSandboxId: pod })).status!.metadata!.name}\nmade\n${await label(first)}`)
    assert.equal(await inside(cri, second, 'cat /dev/shm/f'), 'memory\n')
    assert.match(fileLabel(`${dir}/file`), /^system_u:object_r:container_file_t:s0:c\d+,c\d+$/)
    const apart = await start(pod, 'apart', { linux: selinux({ level: 's0:c10,c20' }) })
    assert.equal(await label(apart), 'system_u:system_r:container_t:s0:c10,c20')
    assert.match(await inside(cri, apart, 'cat /dev/shm/f'), /Permission denied/)
    const other = await start(await run(), 'other', { mounts: [{ containerPath: '/volume', hostPath: dir }] })
    assert.match(await inside(cri, other, 'cat /volume/file'), /Permission denied/)
    await refused(start(pod, 'unknown', { linux: selinux({ type: 'absent_t' }) }), /^the SELinux policy of this host knows no label system_u:system_r:absent_t:s0:c\d+,c\d+ \([^\n]*\)$/)
  })

  await t.test('the options of the pod are those of its containers, part by part', async () => {
    const pod = await run(selinux({ level: 's0:c100,c200' }))
    const own = await start(pod, 'own')
    assert.equal(await label(own), 'system_u:system_r:container_t:s0:c100,c200')
    assert.equal(await inside(cri, own, 'echo x >/dev/shm/x; tail -n 1 /etc/hosts >/dev/null; cat /dev/shm/x'), 'x\n')
  })

  await t.test('privileged ones and those with the processes of the host are not confined', async () => {
    const free = call('cat', '/proc/self/attr/current').replace('\0', '')
    const pod = await run({ securityContext: { ...ALONE.linux.securityContext, privileged: true } })
    assert.equal(await label(await start(pod, 'privileged', { linux: { securityContext: { ...ALONE.linux.securityContext, privileged: true } } })), free)
    assert.equal(await label(await start(pod, 'host', { linux: { securityContext: { namespaceOptions: { pid: NamespaceMode.NODE } } } })), free)
  })

  await t.test('crun, and a pod with a user namespace of its own', async () => {
    assert.match(await label(await start(await run(ALONE.linux, 'crun'), 'crun')), OWN)
    const ids = [{ containerId: 0, hostId: 300_000, length: 65_536 }]
    const linux = { securityContext: { namespaceOptions: { pid: NamespaceMode.CONTAINER, usernsOptions: { mode: NamespaceMode.POD, uids: ids, gids: ids } } } }
    call('chmod', '711', cri.box.dir)
    const shifted = await start(await run(linux), 'shifted', { linux })
    assert.match(await label(shifted), OWN)
    assert.equal(await inside(cri, shifted, 'id -u; stat -c %u /dev/mqueue; echo made >/made; echo x >/dev/shm/x; cat /made /dev/shm/x'), '0\n0\nmade\nx\n')
  })
})

async function refused(act: Promise<unknown>, message: RegExp): Promise<void> {
  await assert.rejects(act, (error: { details: string }) => { assert.match(error.details, message); return true })
}
