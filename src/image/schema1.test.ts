import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { test } from 'node:test'
import { isFailure } from '../errors.ts'
import { digestOf } from './digest.ts'
import { parseImageConfig } from './image-config.ts'
import { parseManifest } from './manifest.ts'
import { convertSchema1, parseSchema1, schema1Payload } from './schema1.ts'

const [bottom, empty, top] = ['bottom', 'empty', 'top'].map((text) => digestOf(text)) as [ReturnType<typeof digestOf>, ReturnType<typeof digestOf>, ReturnType<typeof digestOf>]

const manifest = (change: object = {}): string => JSON.stringify({
  schemaVersion: 1, name: 'old/app', tag: '1', architecture: 'amd64',
  fsLayers: [{ blobSum: top }, { blobSum: empty }, { blobSum: bottom }],
  history: [
    { id: '3', parent: '2', created: '2015-03-01T00:00:00Z', os: 'linux', architecture: 'arm', author: 'me', docker_version: '1.6', config: { Cmd: ['sh'], Env: null, Image: 'x', Volumes: { '/v': {} } }, container_config: { Cmd: ['/bin/sh', '-c', 'make'] } },
    { id: '2', parent: '1', created: '2015-02-01T00:00:00Z', throwaway: true, container_config: { Cmd: ['ENV A=b'] } },
    { id: '1', created: '2015-01-01T00:00:00Z', comment: 'first' },
  ].map((entry) => ({ v1Compatibility: JSON.stringify(entry) })),
  ...change,
}, null, 3)

/** As libtrust does: the signatures go in before the last brace. */
function signed(text: string, spoil: (signature: Buffer) => Buffer = (signature) => signature): Buffer {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const body = text.trimEnd()
  const formatLength = body.lastIndexOf('}') - 1
  const formatTail = Buffer.from(text.slice(formatLength)).toString('base64url')
  const head = Buffer.from(JSON.stringify({ formatLength, formatTail, time: '2015-03-01T00:00:00Z' })).toString('base64url')
  const signature = sign('sha256', Buffer.from(`${head}.${Buffer.from(text).toString('base64url')}`), { key: privateKey, dsaEncoding: 'ieee-p1363' })
  const signatures = [{ header: { alg: 'ES256', jwk: publicKey.export({ format: 'jwk' }) }, signature: spoil(signature).toString('base64url'), protected: head }]
  return Buffer.from(`${text.slice(0, formatLength)},\n   "signatures": ${JSON.stringify(signatures)}\n}`)
}

const refused = (pattern: RegExp) => (error: unknown): boolean => isFailure(error, 'invalid') && pattern.test(error.message)

test('layers are turned round, throw-away ones left out, and the top history entry becomes the configuration', () => {
  const image = parseSchema1(Buffer.from(manifest()), 'img')
  assert.deepEqual(image.blobs, [bottom, top])
  const diffIds = [digestOf('a'), digestOf('b')]
  const config = image.config(diffIds)
  assert.deepEqual(config, {
    architecture: 'arm', os: 'linux', created: '2015-03-01T00:00:00Z', author: 'me', docker_version: '1.6',
    config: { Cmd: ['sh'], Volumes: { '/v': {} } },
    rootfs: { type: 'layers', diff_ids: diffIds },
    history: [
      { created: '2015-01-01T00:00:00Z', comment: 'first' },
      { created: '2015-02-01T00:00:00Z', created_by: 'ENV A=b', empty_layer: true },
      { created: '2015-03-01T00:00:00Z', author: 'me', created_by: '/bin/sh -c make' },
    ],
  })
})

test('the converted image is schema 2 and the same each time', () => {
  const image = parseSchema1(Buffer.from(manifest()), 'img')
  const layers = image.blobs.map((digest) => ({ digest, size: 10 }))
  const diffIds = [digestOf('a'), digestOf('b')]
  const made = convertSchema1(image, layers, diffIds)
  assert.deepEqual(convertSchema1(image, layers, diffIds), made)
  const read = parseManifest(made.manifest, undefined, 'img')
  assert.ok(read.kind === 'image' && read.config.digest === digestOf(made.config) && read.layers.length === 2)
  assert.deepEqual(parseImageConfig(made.config, 'img'), image.config(diffIds))
})

test('a signed manifest stands for its payload', () => {
  const bytes = signed(manifest())
  assert.equal(String(schema1Payload(bytes)), manifest())
  assert.deepEqual(parseSchema1(bytes, 'img').blobs, [bottom, top])
  assert.equal(schema1Payload(Buffer.from(manifest())), undefined)
})

test('what is outside the signed payload does not count', () => {
  const text = String(signed(manifest()))
  const forged = Buffer.from(text.replace('"signatures"', '"fsLayers": [], "signatures"'))
  assert.deepEqual(parseSchema1(forged, 'img').blobs, [bottom, top])
})

test('a wrong signature, or none at all where one is said to be, is refused', () => {
  assert.throws(() => schema1Payload(signed(manifest(), (signature) => signature.fill(1))), refused(/signature of a manifest/))
  const changed = Buffer.from(String(signed(manifest())).replace('old/app', 'new/app'))
  assert.throws(() => schema1Payload(changed), refused(/signature of a manifest is wrong/))
  assert.throws(() => schema1Payload(Buffer.from('{"signatures": []}')), refused(/malformed/))
  const long = Buffer.from(JSON.stringify({ signatures: [{ header: { alg: 'none' }, signature: '', protected: Buffer.from('{"formatLength": 999999, "formatTail": ""}').toString('base64url') }] }))
  assert.throws(() => schema1Payload(long), refused(/covers more/))
})

test('a malformed manifest is refused', () => {
  assert.throws(() => parseSchema1(Buffer.from(manifest({ history: [] })), 'img'), refused(/history/))
  assert.throws(() => parseSchema1(Buffer.from(manifest({ fsLayers: [{ blobSum: top }] })), 'img'), refused(/1 layers but 3 history/))
  assert.throws(() => parseSchema1(Buffer.from(manifest({ history: [1, 2, 3].map(() => ({ v1Compatibility: 'x' })) })), 'img'), refused(/history\.0 is not JSON/))
  assert.throws(() => parseSchema1(Buffer.from(manifest({ fsLayers: [{ blobSum: '../x' }] })), 'img'), refused(/fsLayers\.0\.blobSum/))
})
