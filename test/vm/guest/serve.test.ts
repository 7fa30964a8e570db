// The shipped unit of `scow serve`, on the machine's own roots, with a pod that outlives the server.
import assert from 'node:assert/strict'
import { execFile, execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import test, { after, before } from 'node:test'
import { promisify } from 'node:util'
import { checkout, eventually } from '../../support/box.ts'
import { openRegistry, type Registry } from '../../support/registry.ts'

const SOCKET = '/run/scow/scow.sock'
const run = promisify(execFile)
const scow = async (...args: string[]): Promise<string> => (await run('scow', args)).stdout.trim()
const cri = (...args: string[]): Promise<string> => scow('cri', ...args)
const systemctl = (...args: string[]): string => execFileSync('systemctl', args, { encoding: 'utf8' }).trim()
const shown = (property: string): string => systemctl('show', `--property=${property}`, '--value', 'scow')
const journal = (): string => execFileSync('journalctl', ['--no-pager', '--boot', '--unit=scow'], { encoding: 'utf8' })
const cgroupOf = (pid: string): string => /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))![1]!

let registry: Registry
let image: string
before(async () => {
  registry = await openRegistry()
  image = `${registry.host}/busybox:1`
  await scow('pull', '-q', image)
  registry.reset()
})
after(() => registry.close())

const answers = (): boolean => spawnSync('scow', ['cri', 'version'], { stdio: 'ignore' }).status === 0
const inspected = async (id: string): Promise<{ state: string; exitCode: number; startedAt: string; logPath: string }> => JSON.parse(await cri('inspect', '-o', 'json', id)).status
/** The numbers that the container has counted to, by its log. */
const counted = async (id: string): Promise<number[]> => (await cri('logs', id)).split('\n').map(Number)

let pod: string
let container: string
let pid: string

test('the shipped unit starts, and its socket answers root alone', async () => {
  copyFileSync(`${checkout}/docs/systemd/scow.service`, '/etc/systemd/system/scow.service')
  systemctl('daemon-reload')
  systemctl('start', 'scow')
  await eventually('an answer', answers)
  assert.equal(shown('ActiveState'), 'active')
  const { uid, gid, mode } = statSync(SOCKET)
  assert.deepEqual([uid, gid, (mode & 0o777).toString(8)], [0, 0, '660'])
})

const conditions = async (): Promise<Record<string, boolean>> =>
  Object.fromEntries(JSON.parse(await cri('info')).status.conditions.map(({ type, status }: { type: string; status: boolean }) => [type, status]))

test('the network is ready as soon as one is configured', async () => {
  assert.deepEqual(await conditions(), { RuntimeReady: true, NetworkReady: false })
  mkdirSync('/etc/cni/net.d', { recursive: true })
  writeFileSync('/etc/cni/net.d/10-pods.conflist', JSON.stringify({
    cniVersion: '1.0.0', name: 'pods', plugins: [
      { type: 'bridge', bridge: 'pods0', isGateway: true, ipMasq: true, ipam: { type: 'host-local', ranges: [[{ subnet: '10.11.0.0/24' }]], routes: [{ dst: '0.0.0.0/0' }] } },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  }))
  assert.deepEqual(await conditions(), { RuntimeReady: true, NetworkReady: true }, journal())
})

test('a pod runs through it on an image that the command line has pulled', async () => {
  pod = await cri('runp', '--name', 'boat', '--hostname', 'boat')
  container = await cri('create', '--name', 'counter', '-m', '64m', pod, image, 'sh', '-c', 'i=0; while :; do echo $((i+=1)); sleep 0.2; done')
  await cri('start', container)
  pid = await scow('inspect', '-f', '{{.State.Pid}}', container)
  assert.equal(registry.requests.length, 0)
  assert.equal(await cri('exec', container, 'hostname'), 'boat')
  assert.equal(await cri('exec', container, 'cat', '/sys/fs/cgroup/memory.max'), String(64 << 20))
  assert.doesNotMatch(cgroupOf(pid), /scow\.service/)
  await eventually('its log', async () => (await cri('logs', container)) !== '')
})

/** Does something to the server and asserts that the container has not noticed. */
async function unnoticed(act: () => void): Promise<void> {
  const before = { status: await inspected(container), server: shown('MainPID'), last: (await counted(container)).at(-1)! }
  act()
  await eventually('an answer of another server', () => !['0', before.server].includes(shown('MainPID')) && answers())
  assert.equal(await scow('inspect', '-f', '{{.State.Pid}}', container), pid)
  assert.deepEqual(await inspected(container), before.status)
  assert.equal(await cri('exec', container, 'echo', 'aboard'), 'aboard')
  await eventually('more lines', async () => (await counted(container)).at(-1)! > before.last)
  const numbers = await counted(container)
  assert.deepEqual(numbers, numbers.map((_, index) => index + 1), 'no line is lost')
}

test('systemctl restart leaves the container running, its log whole and its status as it was', () => unnoticed(() => systemctl('restart', 'scow')))

test('so does kill -9 of the server, which systemd starts again', () => unnoticed(() => process.kill(Number(shown('MainPID')), 'SIGKILL')))

test('what ends while there is no server is known to the next', async () => {
  systemctl('stop', 'scow')
  assert.ok(existsSync(`/proc/${pid}`), 'the container runs on')
  process.kill(Number(pid), 'SIGKILL')
  await eventually('its end', () => !existsSync(`/proc/${pid}`))
  systemctl('start', 'scow')
  await eventually('an answer', answers)
  const { state, exitCode } = await inspected(container)
  assert.deepEqual([state, exitCode], ['CONTAINER_EXITED', 137])
})

test('the pod is removed and nothing is left', async () => {
  await cri('rmp', '-f', pod)
  assert.equal(await cri('pods', '-q'), '')
  assert.equal(await cri('ps', '-aq'), '')
  systemctl('stop', 'scow')
  assert.equal(shown('Result'), 'success', journal())
  // A server that runs has a folder for trees in the making.
  for (const dir of ['/var/lib/scow/containers', '/var/lib/scow/staging', '/run/scow/containers', '/run/scow/netns']) assert.deepEqual(readdirSync(dir), [], dir)
  assert.doesNotMatch(execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' }), /conmon/)
})
