import '../support/jail.ts'
import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import { eventually, openBox, type Box } from '../support/box.ts'
import { WEB_PAGE } from '../support/images.ts'
import { openRegistry, type Registry } from '../support/registry.ts'

let registry: Registry
before(async () => { registry = await openRegistry() })
after(() => registry.close())

const page = async (url: string) => {
  const response = await fetch(url, { headers: { connection: 'close' } })
  return response.text()
}
const served = (url: string) => eventually(`a page at ${url}`, () => page(url).catch(() => undefined))
const address = (box: Box, name: string) => box.ok('inspect', '--format', '{{.NetworkSettings.IPAddress}}', name)

test('a web server runs from a registry, answers on its port and address, and leaves nothing', async (t) => {
  const box = await openBox(t)
  const image = `${registry.host}/web:1`
  const id = await box.ok('run', '-d', '--name', 'web', '-p', '8080:80', image)
  assert.match(id, /^[0-9a-f]{64}$/)

  assert.equal(await served('http://127.0.0.1:8080/'), WEB_PAGE)
  const ip = await address(box, 'web')
  assert.match(ip, /^\d+\.\d+\.\d+\.\d+$/)
  assert.equal(await page(`http://${ip}/`), WEB_PAGE)

  assert.match(await box.ok('logs', 'web'), /"GET \/ HTTP\/1\.1" 200 /)
  assert.equal(await box.ok('exec', 'web', 'cat', '/var/www/html/index.html'), WEB_PAGE.trimEnd())
  assert.equal(await box.ok('ps', '--format', '{{.Names}} {{.Image}} {{.Ports}}'), `web ${image} 0.0.0.0:8080->80/tcp`)
  const [inspected] = await box.json('inspect', 'web')
  assert.equal(inspected.Id, id)
  assert.equal(inspected.State.Status, 'running')
  assert.deepEqual(inspected.HostConfig.PortBindings, { '80/tcp': [{ HostIp: '', HostPort: '8080' }] })

  assert.equal(await box.ok('stop', 'web'), 'web')
  assert.equal(await box.ok('inspect', '-f', '{{.State.Status}} {{.State.ExitCode}}', 'web'), 'exited 0')
  await assert.rejects(page('http://127.0.0.1:8080/'))

  assert.equal(await box.ok('start', 'web'), 'web')
  assert.equal(await served('http://127.0.0.1:8080/'), WEB_PAGE)
  assert.equal(await page(`http://${await address(box, 'web')}/`), WEB_PAGE)

  assert.equal(await box.ok('rm', '-f', 'web'), 'web')
  await assert.rejects(page('http://127.0.0.1:8080/'))
  assert.equal(await box.ok('ps', '-aq'), '')
})

test('a second container of the same image downloads nothing', async (t) => {
  const box = await openBox(t)
  const image = `${registry.host}/web:1`
  await box.ok('run', '-d', '--name', 'one', image)
  registry.reset()
  await box.ok('run', '-d', '--name', 'two', image)
  assert.equal(registry.requests.length, 0)
  const [one, two] = [await address(box, 'one'), await address(box, 'two')]
  assert.notEqual(one, two)
  assert.equal(await served(`http://${one}/`), WEB_PAGE)
  assert.equal(await served(`http://${two}/`), WEB_PAGE)
})

test('containers of one network reach each other and a stopped one gives its port back', async (t) => {
  const box = await openBox(t)
  const image = `${registry.host}/web:1`
  await box.ok('run', '-d', '--name', 'web', '-p', '8081:80', image)
  assert.match(await box.fails(125, 'run', '-d', '--name', 'other', '-p', '8081:80', image), /8081/)
  await served('http://127.0.0.1:8081/')
  const ip = await address(box, 'web')
  assert.equal(await box.ok('run', '--rm', `${registry.host}/busybox:1`, 'wget', '-qO-', `http://${ip}/`), WEB_PAGE.trimEnd())
  await box.ok('stop', 'web')
  await box.ok('run', '-d', '--name', 'next', '-p', '8081:80', image)
  assert.equal(await served('http://127.0.0.1:8081/'), WEB_PAGE)
})
