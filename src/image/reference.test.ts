import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFailure } from '../errors.ts'
import { canonical, familiar, imageIdIn, onRegistry, parseReference, parseTyped, repositoryOf, withDefaultTag } from './reference.ts'

const D = `sha256:${'ab'.repeat(32)}`

const CASES: readonly [typed: string, canonical: string, familiar: string][] = [
  ['busybox', 'docker.io/library/busybox', 'busybox'],
  ['busybox:1', 'docker.io/library/busybox:1', 'busybox:1'],
  ['user/app', 'docker.io/user/app', 'user/app'],
  ['docker.io/busybox', 'docker.io/library/busybox', 'busybox'],
  ['index.docker.io/busybox:1.36', 'docker.io/library/busybox:1.36', 'busybox:1.36'],
  ['index.docker.io/user/app', 'docker.io/user/app', 'user/app'],
  ['localhost/app', 'localhost/app', 'localhost/app'],
  ['localhost:5000/app:1', 'localhost:5000/app:1', 'localhost:5000/app:1'],
  ['127.0.0.1:5000/a/b/c:v1', '127.0.0.1:5000/a/b/c:v1', '127.0.0.1:5000/a/b/c:v1'],
  ['[::1]:5000/app', '[::1]:5000/app', '[::1]:5000/app'],
  ['Registry/app', 'Registry/app', 'Registry/app'],
  ['quay.io/a__b/c---d.e_f:A.b-c_D', 'quay.io/a__b/c---d.e_f:A.b-c_D', 'quay.io/a__b/c---d.e_f:A.b-c_D'],
  [`busybox@${D}`, `docker.io/library/busybox@${D}`, `busybox@${D}`],
  [`quay.io/x/y:tag@${D}`, `quay.io/x/y:tag@${D}`, `quay.io/x/y:tag@${D}`],
  ['localhost', 'docker.io/library/localhost', 'localhost'],
  ['docker.io/library/localhost/x', 'docker.io/library/localhost/x', 'library/localhost/x'],
]

test('references are completed and shortened as the ecosystem does', () => {
  for (const [typed, full, short] of CASES) {
    assert.equal(canonical(parseReference(typed)), full)
    assert.equal(familiar(parseReference(typed)), short)
    assert.deepEqual(parseReference(full), parseReference(typed))
    assert.deepEqual(parseReference(short), parseReference(typed))
  }
})

test('what is no reference is refused with a reason', () => {
  const bad: readonly [string, RegExp][] = [
    ['', /empty/],
    ['Busybox', /lower case/],
    ['quay.io/Foo/bar', /lower case/],
    ['a'.repeat(256), /at most 255/],
    ['ab'.repeat(32), /image id/],
    ['busybox:', /not a tag/],
    [`busybox:${'t'.repeat(129)}`, /not a tag/],
    ['busybox:a/b', /registry host/],
    ['busybox:-x', /not a tag/],
    ['busybox@sha256:12', /not a digest/],
    [`busybox@${D}@${D}`, /not a digest/],
    ['a//b', /not a repository name/],
    ['/a', /not a repository name/],
    ['quay.io/', /no repository/],
    ['a b', /not a repository name/],
    ['-a', /not a repository name/],
    ['a..b', /not a repository name/],
    ['_/a', /not a repository name/],
    ['quay.io:99999999/a', /registry host/],
    ['https://quay.io/a', /registry host/],
    ['../../etc/passwd', /registry host/],
    ['busy\nbox', /not a repository name/],
    ['busybox\n', /not a repository name/],
    ['ünïcode', /not a repository name/],
  ]
  for (const [text, why] of bad) {
    assert.throws(() => parseReference(text), (error) => isFailure(error, 'invalid') && why.test(error.message), JSON.stringify(text))
  }
})

test('a short name keeps no registry until one is chosen', () => {
  const typed = parseTyped('nginx:1')
  assert.equal(typed.domain, undefined)
  assert.equal(canonical(onRegistry(typed, 'docker.io')), 'docker.io/library/nginx:1')
  assert.equal(canonical(onRegistry(typed, 'quay.io')), 'quay.io/nginx:1')
})

test('latest is added only where there is neither tag nor digest', () => {
  assert.equal(withDefaultTag(parseReference('a')).tag, 'latest')
  assert.equal(withDefaultTag(parseReference('a:1')).tag, '1')
  assert.equal(withDefaultTag(parseReference(`a@${D}`)).tag, undefined)
  assert.equal(repositoryOf(parseReference('a:1')), 'docker.io/library/a')
})

test('hex digits may be an id', () => {
  assert.equal(imageIdIn('deadbeef'), 'deadbeef')
  assert.equal(imageIdIn(`sha256:${'ab'.repeat(32)}`), 'ab'.repeat(32))
  assert.equal(imageIdIn('busybox'), undefined)
})
