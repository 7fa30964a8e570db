import assert from 'node:assert/strict'
import test from 'node:test'
import { groupWithUser, passwdWithUser } from './passwd-entry.ts'
import { resolveUser } from './users.ts'

const passwd = 'root:x:0:0:root:/root:/bin/sh\nbin:x:2:2:bin:/bin:/bin/sh\n# comment\nwww:x:33:33::/var/www:/bin/false\nbroken\n1000:x:5:5::/five:/bin/sh\n'
const group = 'root:x:0:\nbin:x:2:\naudio:x:29:bin,www\nweb:x:33:\n'
const resolve = (user: string | undefined, more = {}) => resolveUser({ user, passwd, group, ...more })

test('no user is root with no further groups', () => {
  assert.deepEqual(resolve(undefined), { uid: 0, gid: 0, additionalGids: [], name: 'root', home: '/root' })
  assert.deepEqual(resolveUser({ user: '' }), { uid: 0, gid: 0, additionalGids: [], home: '/root' })
})

test('a name brings its uid, gid, home and the groups that list it, the primary one too', () => {
  assert.deepEqual(resolve('bin'), { uid: 2, gid: 2, additionalGids: [2, 29], name: 'bin', home: '/bin' })
})

test('a uid with an entry is that user, one without has the group root and the home /', () => {
  assert.deepEqual(resolve('33'), { uid: 33, gid: 33, additionalGids: [33, 29], name: 'www', home: '/var/www' })
  assert.deepEqual(resolve('4242'), { uid: 4242, gid: 0, additionalGids: [0], home: '/' })
})

test('a number is an id, whatever the image calls by it', () => {
  assert.deepEqual([resolve('1000').uid, resolve('0:1000').gid], [1000, 1000])
})

test('an explicit group replaces the primary and the listed ones', () => {
  assert.deepEqual(resolve('bin:web').additionalGids, [33])
  assert.deepEqual(resolve('1:2000'), { uid: 1, gid: 2000, additionalGids: [2000], home: '/' })
})

test('added groups are looked up by name or taken as numbers', () => {
  assert.deepEqual(resolve('bin', { groups: ['web', '777'] }).additionalGids, [2, 29, 33, 777])
  assert.deepEqual(resolve('bin', { groups: ['777'], policy: 'strict' }).additionalGids, [2, 777])
})

test('names that the image lacks are refused, each with its kind', () => {
  assert.throws(() => resolve('nobody'), { kind: 'invalid', message: 'unable to find user nobody: no matching entries in passwd file' })
  assert.throws(() => resolve('bin:nope'), { message: 'unable to find group nope: no matching entries in group file' })
  assert.throws(() => resolve('bin', { groups: ['nope'] }), { message: /find group nope/ })
})

test('ids beyond 2^31-1 are refused, in files passed over', () => {
  assert.throws(() => resolve('2147483648'), { message: /out of range/ })
  assert.throws(() => resolveUser({ user: 'x', passwd: 'x:x:99999999999:0::/:/bin/sh' }), { message: /unable to find user x/ })
})

test('root works in an image without files', () => {
  assert.equal(resolveUser({ user: 'root' }).uid, 0)
  assert.equal(resolveUser({ user: '0:0' }).home, '/root')
})

test('a user without an entry gets one, by the template and without room for further lines', () => {
  const user = resolve('4242:77')
  assert.equal(passwdWithUser({ user, passwd: 'root:x:0:0::/root:/bin/sh', workdir: '/a:b\nc' }), 'root:x:0:0::/root:/bin/sh\n4242:*:4242:77:container user:/abc:/bin/sh\n')
  assert.equal(passwdWithUser({ user, passwd: '', template: '$USERNAME-$UID:$GID', workdir: '/' }), '4242-4242:77\n')
  assert.equal(groupWithUser({ user, group }), `${group}77:x:77:4242\n`)
})

test('users and groups with an entry are left as they are', () => {
  assert.equal(passwdWithUser({ user: resolve('bin'), passwd, workdir: '/' }), undefined)
  assert.equal(groupWithUser({ user: resolve('bin'), group }), undefined)
})
