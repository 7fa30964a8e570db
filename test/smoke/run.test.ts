// As a person uses it, on the machine itself: nothing is in a jail. Roots, network, bridge and subnet are this test's
// own, and it looks at, and takes away, nothing else.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { after, type TestContext } from 'node:test'
import { eventually, openBox, type Box } from '../support/box.ts'
import { WEB_PAGE } from '../support/images.ts'
import { openSuite } from '../support/suite.ts'
import { findOwnLeftovers, firewall } from './own-leftovers.ts'

const suite = openSuite()
const config = mkdtempSync(join(tmpdir(), 'scow-smoke-'))
after(() => { rmSync(config, { recursive: true }) })

const FORWARDING = '/proc/sys/net/ipv4/ip_forward'
const forwarding = readFileSync(FORWARDING, 'utf8').trim()
// A bridge network turns it on; a machine that had it off has it off again.
after(() => { if (forwarding === '0') writeFileSync(FORWARDING, '0') })

interface Place {
  readonly box: Box
  readonly network: string
  readonly bridge: string
  readonly subnet: string
  /** Remembers a container, for the look at what is left. */
  readonly note: (id: string) => string
}

/** A box whose default network is a name in a folder of this test, so that none is made on the machine. */
async function openPlace(t: TestContext): Promise<Place> {
  const mark = `smk${process.pid.toString(36)}`
  const subnet = `10.213.${freeThird()}`
  const dir = mkdtempSync(join(config, 'box-'))
  mkdirSync(join(dir, 'net.d'))
  writeFileSync(join(dir, 'net.d/default.conflist'), JSON.stringify({ cniVersion: '1.0.0', name: `${mark}-default`, plugins: [{ type: 'loopback' }] }))
  writeFileSync(join(dir, 'containers.conf'), `[network]\nnetwork_config_dir = "${join(dir, 'net.d')}"\ndefault_network = "${mark}-default"\n`)
  const ids = new Set<string>()
  const words = new Set([mark, `${subnet}.`])
  const findLeft = async (opened: Box) => {
    // Of a test that failed; the others have removed it themselves.
    await opened.scow(['network', 'rm', '-f', mark])
    return findOwnLeftovers(opened, { ids, words })
  }
  const box = await openBox(t, { env: { CONTAINERS_CONF: join(dir, 'containers.conf') }, findLeft })
  await box.ok('pull', '-q', suite.web)
  const note = (id: string) => {
    ids.add(id)
    // Chains of one container bear no name of it, but rules that lead to them do.
    for (const line of firewall().filter((rule) => rule.includes(id))) for (const [chain] of line.matchAll(/CNI-(DN-)?[0-9a-f]{20,}/g)) words.add(chain)
    return id
  }
  return { box, network: mark, bridge: `${mark}br`, subnet, note }
}

function freeThird(): number {
  const taken = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []).map(({ address }) => address)
  const free = Array.from({ length: 200 }, (_, index) => 20 + ((process.pid + index) % 200)).find((third) => !taken.some((address) => address.startsWith(`10.213.${third}.`)))
  assert.ok(free, 'no subnet is free')
  return free
}

const fetchPage = (host: string, port: number): Promise<string> => new Promise((resolve, reject) => {
  request({ host, port, timeout: 5000 }, (response) => {
    let body = ''
    response.setEncoding('utf8').on('data', (text) => { body += text }).on('end', () => { resolve(body) })
  }).on('error', reject).end()
})

test('a web server is run, reached, watched, stopped, started and removed', async (t) => {
  const { box, network, bridge, subnet, note } = await openPlace(t)
  await box.ok('network', 'create', '--subnet', `${subnet}.0/24`, '--interface-name', bridge, network)
  note(await box.ok('run', '-d', '--name', 'web', '--network', network, '-p', '127.0.0.1::80', suite.web))
  const port = Number((await box.ok('port', 'web', '80')).split(':')[1])
  await eventually('its page', () => fetchPage('127.0.0.1', port).then((page) => page === WEB_PAGE, () => false))
  const address = await box.ok('inspect', '-f', `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`, 'web')
  assert.ok(address.startsWith(`${subnet}.`))
  assert.equal(await fetchPage(address, 80), WEB_PAGE)
  assert.match(await box.ok('exec', 'web', 'cat', '/etc/hosts'), new RegExp(address.replaceAll('.', '\\.')))
  assert.match(await box.ok('logs', 'web'), /GET \//)
  assert.match(await box.ok('ps'), /web/)
  await box.ok('stop', 'web')
  await assert.rejects(fetchPage('127.0.0.1', port))
  const started = await box.scow(['start', 'web'])
  // Whoever made a mount namespace while it ran, as the jails of other test runs do, holds its root: that is said, and no fault.
  const held = /still mounted by process \d+ in another mount namespace/.test(started.stderr)
  if (held) t.diagnostic('not started again: another program holds its root')
  else assert.equal(started.code, 0, started.stderr)
  note(await box.ok('inspect', '-f', '{{.Id}}', 'web'))
  if (!held) await eventually('its page again', async () => fetchPage('127.0.0.1', Number((await box.ok('port', 'web', '80')).split(':')[1])).then((page) => page === WEB_PAGE, () => false))
  await box.ok('rm', '-f', '-t', '0', 'web')
  await box.ok('network', 'rm', network)
})

test('short runs give output, input and exit code, and end together without a trace', async (t) => {
  const { box, network, bridge, subnet, note } = await openPlace(t)
  await box.ok('network', 'create', '--subnet', `${subnet}.0/24`, '--interface-name', bridge, network)
  await box.ok('pull', '-q', suite.busybox)
  assert.deepEqual(await box.scow(['run', '--rm', '-i', '--network', 'none', suite.busybox, 'sh', '-c', 'cat; echo err >&2; exit 7'], { input: 'in' }), { code: 7, stdout: 'in', stderr: 'err\n' })
  const terminal = { rows: 20, columns: 70 }
  assert.equal((await box.scow(['run', '--rm', '-t', '--network', 'none', suite.busybox, 'stty', 'size'], { terminal })).stdout, '20 70\r\n')
  const files = [1, 2, 3, 4].map((index) => join(box.dir, `cid${index}`))
  const results = await Promise.all(files.map((file) => box.scow(['run', '--rm', '--cidfile', file, '--network', network, '-v', '/anonymous', suite.busybox, 'sh', '-c', 'ip -4 -o addr show eth0'])))
  for (const file of files) note(readFileSync(file, 'utf8'))
  assert.deepEqual(results.map(({ code }) => code), [0, 0, 0, 0])
  assert.equal(new Set(results.map(({ stdout }) => /inet (\S+)/.exec(stdout)?.[1])).size, 4)
  await eventually('their removal', async () => await box.ok('ps', '-aq') === '' && await box.ok('volume', 'ls', '-q') === '')
  await box.ok('network', 'rm', network)
})

test('a container outlives the killed command that started it, and its end is noted', async (t) => {
  const { box, note } = await openPlace(t)
  await box.ok('pull', '-q', suite.busybox)
  const running = box.start(['run', '--name', 'c', '--network', 'none', suite.busybox, 'sh', '-c', 'echo begun; while ! test -e /stop; do sleep 0.1; done; exit 9'])
  await running.sees(/begun/)
  note(await box.ok('inspect', '-f', '{{.Id}}', 'c'))
  running.kill('SIGKILL')
  await running.end()
  // the container may end, and take it along, before it has ended itself
  assert.ok([0, 137].includes((await box.scow(['exec', 'c', 'touch', '/stop'])).code))
  assert.equal(await box.ok('wait', 'c'), '9')
  await box.ok('rm', 'c')
})
