import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { isFailure } from '../errors.ts'
import { canonical, parseReference } from '../image/reference.ts'
import { readRegistriesConf, type RegistriesConf } from './registries-conf.ts'
import { rememberAlias } from './remember-alias.ts'
import { registryFiles } from './registry-files.ts'
import { candidatesFor, routesFor } from './routes.ts'

const D = `sha256:${'ab'.repeat(32)}`

interface Written { main?: string; dropIns?: Record<string, string>; cache?: string }

async function configuration(t: TestContext, { main, dropIns = {}, cache }: Written): Promise<RegistriesConf> {
  const dir = await mkdtemp(join(tmpdir(), 'scow-conf-'))
  t.after(() => rm(dir, { recursive: true }))
  await mkdir(join(dir, 'd'))
  if (main !== undefined) await writeFile(join(dir, 'main.conf'), main)
  for (const [name, text] of Object.entries(dropIns)) await writeFile(join(dir, 'd', name), text)
  if (cache !== undefined) await writeFile(join(dir, 'cache.conf'), cache)
  return readRegistriesConf({
    registriesConf: [join(dir, 'none.conf'), join(dir, 'main.conf')], registriesConfRequired: false, dropIns: [join(dir, 'nowhere'), join(dir, 'd')],
    aliasCache: join(dir, 'cache.conf'), authFiles: [], policies: [], certDirs: [], hostsDirs: [],
  })
}
const names = (text: string, conf: RegistriesConf): string[] => candidatesFor(text, conf).references.map(canonical)
const routes = (text: string, conf: RegistriesConf): string[] =>
  routesFor(parseReference(text), conf).map(({ host, path, insecure, mirror }) => `${host}/${path}${insecure ? ' insecure' : ''}${mirror ? ' mirror' : ''}`)

test('without any configuration a short name is docker.io’s', async (t) => {
  const conf = await configuration(t, {})
  assert.deepEqual(names('nginx', conf), ['docker.io/library/nginx:latest'])
  assert.deepEqual(names('user/app:1', conf), ['docker.io/user/app:1'])
  assert.deepEqual(names('quay.io/x', conf), ['quay.io/x:latest'])
  assert.deepEqual(routes('quay.io/x/y:1', conf), ['quay.io/x/y'])
})

test('a short name is an alias, else it is searched for in each registry in order', async (t) => {
  const conf = await configuration(t, {
    main: 'unqualified-search-registries = ["quay.io", "docker.io", "example.com/ns"]',
    dropIns: { 'a.conf': '[aliases]\n"fedora" = "registry.fedoraproject.org/fedora"\n"gone" = "x.io/gone"', 'b.conf': '[aliases]\n"gone" = ""', 'c.txt': 'not read' },
    cache: '[aliases]\n"mine" = "docker.io/me/mine"',
  })
  assert.deepEqual(names('fedora:40', conf), ['registry.fedoraproject.org/fedora:40'])
  assert.deepEqual(names(`mine@${D}`, conf), [`docker.io/me/mine@${D}`])
  assert.deepEqual(names('gone', conf), ['quay.io/gone:latest', 'docker.io/library/gone:latest', 'example.com/ns/gone:latest'])
})

test('an alias counts in every mode, and the cache of answers wins over the files', async (t) => {
  const conf = await configuration(t, {
    main: 'unqualified-search-registries = ["a.io", "b.io"]\nshort-name-mode = "disabled"\n[aliases]\n"x" = "q.io/x"\n"y" = "docker.io/y"\n"ns/z" = "localhost/z"\n"off" = "q.io/off"',
    cache: '[aliases]\n"x" = "r.io/x"\n"off" = ""',
  })
  assert.deepEqual(names('x:1', conf), ['r.io/x:1'])
  assert.deepEqual(names('y', conf), ['docker.io/library/y:latest'])
  assert.deepEqual(names('ns/z', conf), ['localhost/z:latest'])
  assert.deepEqual(names('off', conf), ['a.io/off:latest', 'b.io/off:latest'])
  assert.deepEqual(names('z', conf), ['a.io/z:latest', 'b.io/z:latest'], 'the mode that is disabled tries all')
  const enforcing = await configuration(t, { main: 'unqualified-search-registries = ["a.io", "b.io"]\nshort-name-mode = "enforcing"\n[aliases]\n"x" = "q.io/x"' })
  assert.deepEqual(names('x', enforcing), ['q.io/x:latest'])
})

test('answers are kept in the cache of aliases, by many at once and beside those of podman', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'scow-alias-'))
  t.after(() => rm(dir, { recursive: true }))
  const cache = join(dir, 'deep', 'short-name-aliases.conf')
  await rememberAlias(cache, { name: 'ns/x', target: 'docker.io/ns/x' })
  await writeFile(cache, `${await readFile(cache, 'utf8')}  "podmans" = "quay.io/podmans"\n`)
  await Promise.all(Array.from({ length: 10 }, (_, index) => rememberAlias(cache, { name: `n${index}`, target: `q.io/n${index}` })))
  await rememberAlias(cache, { name: 'ns/x', target: 'q.io/ns/x' })
  const conf = await configuration(t, { cache: await readFile(cache, 'utf8') })
  assert.deepEqual([...conf.aliases.keys()].sort(), ['ns/x', ...Array.from({ length: 10 }, (_, index) => `n${index}`), 'podmans'].sort())
  assert.deepEqual([names('ns/x', conf), names('podmans', conf), names('n7', conf)], [['q.io/ns/x:latest'], ['quay.io/podmans:latest'], ['q.io/n7:latest']])
  await writeFile(cache, 'broken')
  await assert.rejects(rememberAlias(cache, { name: 'y', target: 'q.io/y' }), (error) => isFailure(error, 'invalid'))
  assert.equal(await readFile(cache, 'utf8'), 'broken')
})

test('helpers and modes of a later file take the place of those before', async (t) => {
  const conf = await configuration(t, { main: 'credential-helpers = ["one"]\nshort-name-mode = "enforcing"', dropIns: { '10.conf': 'credential-helpers = ["containers-auth.json", "two"]', '20.conf': 'short-name-mode = "permissive"' } })
  assert.deepEqual(conf.credentialHelpers, ['containers-auth.json', 'two'])
  assert.equal(conf.shortNameMode, 'permissive')
  assert.equal((await configuration(t, {})).credentialHelpers, undefined)
})

test('an empty search list refuses short names, and where several registries may have one, the mode says who decides', async (t) => {
  assert.throws(() => names('x', { searchRegistries: [], shortNameMode: 'permissive', aliases: new Map(), credentialHelpers: undefined, rules: [] }), (error) => isFailure(error, 'notFound'))
  const conf = await configuration(t, { main: 'unqualified-search-registries = ["a.io", "b.io"]\nshort-name-mode = "enforcing"' })
  assert.deepEqual(candidatesFor('ns/x:1', conf).undecided, { name: 'ns/x', mustAsk: true })
  assert.deepEqual(candidatesFor('x', { ...conf, shortNameMode: 'permissive' }).undecided, { name: 'x', mustAsk: false })
  assert.equal(candidatesFor('x', { ...conf, shortNameMode: 'disabled' }).undecided, undefined)
  assert.equal(candidatesFor('x', { ...conf, searchRegistries: ['a.io'] }).undecided, undefined)
  assert.equal(candidatesFor('a.io/x', conf).undecided, undefined)
})

test('the longest prefix rewrites, and its mirrors come first', async (t) => {
  const conf = await configuration(t, { main: `
[[registry]]
prefix = "example.com"
location = "wide.io"
[[registry]]
prefix = "example.com/team"
location = "inner.io/proxy"
insecure = true
[[registry.mirror]]
location = "mirror-1.io/cache"
[[registry.mirror]]
location = "mirror-2.io"
insecure = true
pull-from-mirror = "digest-only"
[[registry.mirror]]
location = "mirror-3.io"
pull-from-mirror = "tag-only"
[[registry]]
prefix = "*.wild.org"
insecure = true
[[registry]]
location = "plain.io"
` })
  assert.deepEqual(routes('example.com/team/app:1', conf), ['mirror-1.io/cache/app mirror', 'mirror-3.io/app mirror', 'inner.io/proxy/app insecure'])
  assert.deepEqual(routes(`example.com/team/app@${D}`, conf), ['mirror-1.io/cache/app mirror', 'mirror-2.io/app insecure mirror', 'inner.io/proxy/app insecure'])
  assert.deepEqual(routes('example.com/teamwork/app', conf), ['wide.io/teamwork/app'])
  assert.deepEqual(routes('a.b.wild.org/app', conf), ['a.b.wild.org/app insecure'])
  assert.deepEqual(routes('wild.org/app', conf), ['wild.org/app'])
  assert.deepEqual(routes('evil.io/x.wild.org/app', conf), ['evil.io/x.wild.org/app'])
  assert.deepEqual(routes('plain.io/x', conf), ['plain.io/x'])
})

test('a wildcard stands for all hosts below a domain, on every port or one, and may have a namespace', async (t) => {
  const conf = await configuration(t, { main: `
[[registry]]
prefix = "*.wild.org"
location = "wide.io"
[[registry]]
prefix = "*.wild.org/ns"
location = "inner.io/x"
[[registry]]
prefix = "*.wild.org:6000/ns"
location = "port.io"
` })
  assert.deepEqual(routes('a.wild.org:5000/app:1', conf), ['wide.io:5000/app'])
  assert.deepEqual(routes('a.b.wild.org/ns/app:1', conf), ['inner.io/x/app'])
  assert.deepEqual(routes(`a.wild.org/ns@${D}`, conf), ['inner.io/x'])
  assert.deepEqual(routes('a.wild.org/nsx/app', conf), ['wide.io/nsx/app'])
  assert.deepEqual(routes('a.wild.org:6000/ns/app', conf), ['port.io/app'])
  for (const other of ['wild.org/ns/app', 'wild.org:6000/ns/app', 'a.wild.org.evil.io/ns/app', 'evil.io/a.wild.org/ns', 'awild.org/ns/app']) assert.deepEqual(routes(other, conf), [other])
})

test('a mirror of docker.io gets the library part too', async (t) => {
  const conf = await configuration(t, { main: '[[registry]]\nlocation = "docker.io"\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = "m.io/hub"' })
  assert.deepEqual(routes(`nginx@${D}`, conf), ['m.io/hub/library/nginx mirror', 'docker.io/library/nginx'])
  assert.deepEqual(routes('nginx:1', conf), ['docker.io/library/nginx'])
})

test('a blocked registry is refused', async (t) => {
  const conf = await configuration(t, { main: '[[registry]]\nprefix = "bad.io/ns"\nblocked = true' })
  assert.throws(() => routes('bad.io/ns/x', conf), (error) => isFailure(error, 'denied') && /blocked/.test(error.message))
  assert.deepEqual(routes('bad.io/other', conf), ['bad.io/other'])
})

test('the older format is read too, and drop-ins replace rules of the same prefix', async (t) => {
  const conf = await configuration(t, {
    main: "[registries.search]\nregistries = ['a.io']\n[registries.insecure]\nregistries = ['b.io', 'c.io']\n[registries.block]\nregistries = ['c.io']",
    dropIns: { 'x.conf': '[[registry]]\nlocation = "b.io"' },
  })
  assert.deepEqual(names('x', conf), ['a.io/x:latest'])
  assert.deepEqual(routes('b.io/x', conf), ['b.io/x'])
  assert.throws(() => routes('c.io/x', conf), (error) => isFailure(error, 'denied'))
})

test('a wrong file gives one line that names it', async (t) => {
  for (const [main, why] of [
    ['unqualified-search-registries = [', /main\.conf:1/],
    ['unqualified-search-registries = "x"', /main\.conf is malformed: unqualified-search-registries/],
    ['short-name-mode = "maybe"', /short-name-mode/],
    ['[[registry]]\nlocation = "http://x.io"', /without http/],
    ['[aliases]\n"x" = "x"', /alias "x" = "x" names no registry/],
    ['[aliases]\n"x" = "q.io/x:1"', /no tag and no digest/],
    ['[aliases]\n"x:1" = "q.io/x"', /no tag and no digest/],
    ['[aliases]\n"q.io/x" = "q.io/y"', /is for a name that has a registry/],
    ['[aliases]\n"x" = "q.io/UPPER"', /target that is no name/],
    ['credential-helpers = ["../x"]', /credential-helpers\.0: is not the name of a helper/],
    ['[[registry]]\ninsecure = true', /neither prefix nor location/],
    ['[[registry]]\nprefix = "a.*.io"\nlocation = "b.io"', /first part/],
    ['[[registry]]\nlocation = "x.io"\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = "y.io"\npull-from-mirror = "all"', /both/],
  ] as const) {
    await assert.rejects(configuration(t, { main }), (error) => isFailure(error, 'invalid') && why.test(error.message) && !error.message.includes('\n'), main)
  }
})

test('a file that the environment names must exist', async () => {
  const files = registryFiles({ home: '/nonexistent', uid: 0, registriesConf: '/nonexistent/r.conf' })
  await assert.rejects(readRegistriesConf(files), (error) => isFailure(error, 'invalid') && /\/nonexistent\/r\.conf cannot be read: no such file or directory/.test(error.message))
})

test('a registries.conf that is named leaves the drop-ins in force; the user’s own stands for those of the system', async (t) => {
  const home = await mkdtemp(join(tmpdir(), 'scow-home-'))
  t.after(() => rm(home, { recursive: true }))
  const own = join(home, '.config/containers')
  await mkdir(join(own, 'registries.conf.d'), { recursive: true })
  await mkdir(join(home, 'system'))
  const block = (host: string): string => `[[registry]]\nlocation = "${host}"\nblocked = true\n`
  await writeFile(join(home, 'system/a.conf'), block('system.io'))
  await writeFile(join(own, 'registries.conf.d/b.conf'), block('user.io'))
  await writeFile(join(home, 'named.conf'), block('named.io'))
  const blocked = async (registriesConf?: string): Promise<string[]> => {
    const files = registryFiles({ home, uid: 0, registriesConf })
    assert.equal(files.dropIns.at(-1), join(own, 'registries.conf.d'))
    const { rules } = await readRegistriesConf({ ...files, registriesConf: files.registriesConf.filter((path) => path.startsWith(home)), dropIns: [join(home, 'system'), files.dropIns.at(-1)!], aliasCache: join(home, 'none') })
    return rules.filter((rule) => rule.blocked).map(({ prefix }) => prefix)
  }
  assert.deepEqual(await blocked(join(home, 'named.conf')), ['named.io', 'system.io', 'user.io'])
  assert.deepEqual(await blocked(), ['system.io', 'user.io'])
  await writeFile(join(own, 'registries.conf'), block('main.io'))
  assert.deepEqual(await blocked(), ['main.io', 'user.io'])
  assert.deepEqual(await blocked(join(home, 'named.conf')), ['named.io', 'system.io', 'user.io'])
})
