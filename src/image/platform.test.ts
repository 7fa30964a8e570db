import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFailure } from '../errors.ts'
import type { Descriptor } from './descriptor.ts'
import { digestOf } from './digest.ts'
import { OCI_MANIFEST } from './media-types.ts'
import { hostPlatform, normalisePlatform, parsePlatform, platformText, runsOn, selectPlatform } from './platform.ts'

const HOST = hostPlatform('x64', 'linux')

const entry = (text: string, extra: Partial<Descriptor> = {}): Descriptor => {
  const [os = '', architecture = '', variant] = text.split('/')
  return { mediaType: OCI_MANIFEST, digest: digestOf(text), size: 1, platform: { os, architecture, ...(variant && { variant }) }, ...extra }
}
const select = (offered: string[], wanted: string): string =>
  platformText(selectPlatform(offered.map((text) => entry(text)), parsePlatform(wanted, HOST), 'img').platform!)

test('names of architectures are brought to one form', () => {
  assert.equal(platformText(HOST), 'linux/amd64')
  for (const [given, wanted] of [['x86_64', 'linux/amd64'], ['linux/aarch64', 'linux/arm64'], ['linux/arm64/v8', 'linux/arm64'], ['arm', 'linux/arm/v7'], ['armel', 'linux/arm/v6'], ['linux/arm/7', 'linux/arm/v7'], ['windows', 'windows/amd64'], ['linux/amd64/v1', 'linux/amd64']] as const) {
    assert.equal(platformText(parsePlatform(given, HOST)), wanted)
  }
  assert.throws(() => parsePlatform('a/b/c/d', HOST), (error) => isFailure(error, 'invalid'))
  assert.throws(() => parsePlatform('linux/', HOST), (error) => isFailure(error, 'invalid'))
})

test('the exact variant wins, else the next lower one that runs', () => {
  const arm = ['linux/arm/v5', 'linux/arm/v6', 'linux/arm/v7']
  assert.equal(select(arm, 'linux/arm/v7'), 'linux/arm/v7')
  assert.equal(select(arm, 'linux/arm/v8'), 'linux/arm/v7')
  assert.equal(select(arm, 'linux/arm/v6'), 'linux/arm/v6')
  assert.equal(select(['linux/arm/v5', 'linux/amd64'], 'linux/arm/v7'), 'linux/arm/v5')
  assert.equal(select(['linux/arm64/v8', 'linux/arm/v7'], 'linux/arm64'), 'linux/arm64/v8')
  assert.equal(select(['linux/amd64', 'linux/amd64/v3'], 'linux/amd64'), 'linux/amd64')
  assert.equal(select(['linux/amd64', 'linux/amd64/v3'], 'linux/amd64/v4'), 'linux/amd64/v3')
})

test('an image that does not run here is not chosen, and what is offered is named', () => {
  assert.throws(() => select(['linux/arm/v7', 'linux/s390x'], 'linux/arm/v6'), (error) => isFailure(error, 'notFound') && /linux\/arm\/v7, linux\/s390x/.test(error.message))
  assert.ok(!runsOn({ os: 'linux', architecture: 'arm64' }, HOST))
  assert.ok(runsOn({ os: 'linux', architecture: 'x86_64' }, HOST))
})

test('attestations are passed over, a zstd instance is preferred, and the os version decides between equals', () => {
  const attestation = entry('unknown/unknown', { annotations: { 'vnd.docker.reference.type': 'attestation-manifest' } })
  const gzip = entry('linux/amd64')
  const zstd = entry('linux/amd64', { digest: digestOf('z'), annotations: { 'io.github.containers.compression.zstd': 'true' } })
  assert.equal(selectPlatform([attestation, gzip, zstd], HOST, 'img'), zstd)
  const versions = ['10.0.1', '10.0.2'].map((version) => entry('windows/amd64', { digest: digestOf(version), platform: { os: 'windows', architecture: 'amd64', 'os.version': version } }))
  assert.equal(selectPlatform(versions, { os: 'windows', architecture: 'amd64', 'os.version': '10.0.2' }, 'img'), versions[1])
})

test('the first entry without a platform is for whoever finds none with theirs', () => {
  const { platform, ...bare } = entry('linux/amd64')
  assert.ok(platform)
  assert.equal(selectPlatform([bare], normalisePlatform(HOST), 'img'), bare)
  assert.equal(selectPlatform([bare, entry('unknown/unknown')], HOST, 'img'), bare, 'what is for no platform is no second image')
  assert.throws(() => selectPlatform([entry('unknown/unknown'), entry('linux/s390x')], HOST, 'img'), (error) => isFailure(error, 'notFound') && !/unknown/.test(error.message))
  const other = { ...bare, digest: digestOf('other') }
  assert.equal(selectPlatform([entry('linux/s390x'), bare, other], HOST, 'img'), bare)
  assert.equal(selectPlatform([bare, entry('linux/amd64')], HOST, 'img').platform?.architecture, 'amd64')
})
