import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFailure, type ErrorKind } from '../errors.ts'
import { digestOf } from './digest.ts'
import { parseImageConfig, requireLayers } from './image-config.ts'
import { MAX_MANIFEST_BYTES, parseManifest, requireRunnable, type ImageManifest, type Manifest } from './manifest.ts'
import * as types from './media-types.ts'

const bytes = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
const descriptor = (mediaType: string, text = 'x') => ({ mediaType, digest: digestOf(text), size: text.length })
const layer = descriptor(`${types.OCI_LAYER}+gzip`)
const oci = { schemaVersion: 2, mediaType: types.OCI_MANIFEST, config: descriptor(types.OCI_CONFIG), layers: [layer] }

const read = (value: unknown, served?: string): Manifest => parseManifest(bytes(value), served, 'img')
const image = (value: unknown): ImageManifest => read(value) as ImageManifest
const refused = (kind: ErrorKind, what: RegExp) => (error: unknown) => isFailure(error, kind) && what.test(error.message) && !error.message.includes('\n')

test('an OCI manifest keeps annotations, foreign urls and subject', () => {
  const read = image({
    ...oci,
    annotations: { a: 'b' },
    subject: descriptor(types.OCI_MANIFEST),
    layers: [{ ...layer, urls: ['https://elsewhere/x'], annotations: { 'org.x': 'y' } }],
  })
  assert.equal(read.kind, 'image')
  assert.deepEqual(read.annotations, { a: 'b' })
  assert.deepEqual(read.layers[0]?.urls, ['https://elsewhere/x'])
  assert.deepEqual(read.layers[0]?.annotations, { 'org.x': 'y' })
  assert.equal(read.subject?.mediaType, types.OCI_MANIFEST)
})

test('a document without a media type is told by what the server says and by its fields', () => {
  const { mediaType, ...untyped } = oci
  assert.equal(read(untyped).mediaType, mediaType)
  assert.equal(read(untyped, 'application/vnd.docker.distribution.manifest.v2+json; charset=utf-8').mediaType, types.DOCKER_MANIFEST)
  assert.equal(read({ schemaVersion: 2, manifests: [] }).mediaType, types.OCI_INDEX)
  assert.equal(read({ schemaVersion: 2, manifests: [] }, types.DOCKER_LIST).mediaType, types.DOCKER_LIST)
  assert.equal(read({ schemaVersion: 1, fsLayers: [] }).kind, 'schema1')
})

test('an index that is an image too is refused', () => {
  assert.throws(() => read({ ...oci, manifests: [] }), refused('invalid', /at once/))
})

test('what is malformed, too large or unknown gives one line', () => {
  assert.throws(() => read('{'), refused('invalid', /not JSON/))
  assert.throws(() => read('[]'), refused('invalid', /malformed/))
  assert.throws(() => read('null'), refused('invalid', /malformed/))
  assert.throws(() => read({ ...oci, layers: [{ ...layer, digest: 'sha256:12' }] }), refused('invalid', /layers\.0\.digest/))
  assert.throws(() => read({ ...oci, layers: [{ ...layer, size: -1 }] }), refused('invalid', /layers\.0\.size/))
  assert.throws(() => read({ ...oci, layers: Array.from({ length: 513 }, () => layer) }), refused('invalid', /layers/))
  assert.throws(() => read({ ...oci, mediaType: 'text/html' }), refused('unsupported', /unknown type "text\/html"/))
  assert.throws(() => read({ ...oci, schemaVersion: 3 }), refused('invalid', /schemaVersion/))
  assert.throws(() => read(`"${'x'.repeat(MAX_MANIFEST_BYTES)}"`), refused('invalid', /more than/))
})

test('artifacts, encrypted and unknown layers are not runnable', () => {
  requireRunnable(image(oci), 'img')
  requireRunnable(image({ ...oci, layers: ['.gzip', '+zstd', ''].map((suffix) => descriptor((suffix === '.gzip' ? types.DOCKER_LAYER : types.OCI_LAYER) + suffix)) }), 'img')
  assert.throws(() => requireRunnable(image({ ...oci, config: descriptor('application/vnd.cncf.helm.config.v1+json') }), 'img'), refused('unsupported', /artifact of type .*helm/))
  assert.throws(() => requireRunnable(image({ ...oci, layers: [descriptor(`${types.OCI_LAYER}+gzip+encrypted`)] }), 'img'), refused('unsupported', /encrypted/))
  assert.throws(() => requireRunnable(image({ ...oci, layers: [descriptor('text/plain')] }), 'img'), refused('unsupported', /text\/plain/))
})

test('a docker configuration keeps its fields and drops its nulls', () => {
  const diff = digestOf('d')
  const config = parseImageConfig(bytes({
    architecture: 'amd64', os: 'linux', created: '2020-01-01T00:00:00Z', container: 'abc', author: null,
    config: {
      Hostname: '', User: '1:2', Env: ['A=b'], Cmd: null, Entrypoint: '/one', Volumes: { '/v': {}, '/w': null }, ExposedPorts: { '80/tcp': {} },
      Labels: null, StopSignal: 'SIGINT', ArgsEscaped: true, OnBuild: [], Shell: ['/bin/sh', '-c'],
      Healthcheck: { Test: ['CMD-SHELL', 'true'], Interval: 30_000_000_000, Retries: 3 },
    },
    rootfs: { type: 'layers', diff_ids: [diff] },
    history: [{ created_by: 'x', empty_layer: true }, { created: null }],
  }), 'img')
  assert.deepEqual(config.config, {
    User: '1:2', Env: ['A=b'], Entrypoint: ['/one'], Volumes: { '/v': {}, '/w': {} }, ExposedPorts: { '80/tcp': {} }, StopSignal: 'SIGINT',
    ArgsEscaped: true, OnBuild: [], Shell: ['/bin/sh', '-c'], Healthcheck: { Test: ['CMD-SHELL', 'true'], Interval: 30_000_000_000, Retries: 3 },
  })
  assert.ok(!('author' in config))
  assert.deepEqual(config.history, [{ created_by: 'x', empty_layer: true }, {}])
  requireLayers(config, 1, 'img')
  assert.throws(() => requireLayers(config, 2, 'img'), refused('invalid', /2 layers .* names 1/))
})

test('a time that is none is left out of a configuration', () => {
  const created = (said: string) => parseImageConfig(bytes({ created: said, rootfs: { type: 'layers', diff_ids: [] } }), 'img').created
  for (const said of ['2020-01-01T00:00:00.123456789Z', '0001-01-01T00:00:00Z', '2020-01-01T00:00:00+02:00']) assert.equal(created(said), said)
  for (const said of ['', 'yesterday', '9999999-01-01T00:00:00Z', '2020-13-01T00:00:00Z', '2020-01-01T00:00:00Z\u001b[2J']) assert.equal(created(said), undefined)
})

test('a configuration that names no layers or wrong ones is refused', () => {
  assert.throws(() => parseImageConfig(bytes({ architecture: 'amd64' }), 'img'), refused('invalid', /rootfs/))
  assert.throws(() => parseImageConfig(bytes({ rootfs: { type: 'layers', diff_ids: ['x'] } }), 'img'), refused('invalid', /diff_ids\.0/))
  assert.throws(() => parseImageConfig(bytes({ config: { Env: 'A=b' }, rootfs: { type: 'layers', diff_ids: [] } }), 'img'), refused('invalid', /config\.Env/))
  assert.throws(() => parseImageConfig(bytes({ config: { Env: ['x'], Labels: { a: 1 } }, rootfs: { type: 'layers', diff_ids: [] } }), 'img'), refused('invalid', /Labels/))
})
