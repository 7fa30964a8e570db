// Makes dist/demo-image, an OCI image layout with one static program: the demo needs no registry.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

/** Writes the layout into `directory`, replacing what was there. `root`: the checkout. */
export function buildDemoImage(root, directory) {
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(join(directory, 'blobs/sha256'), { recursive: true })
  const layer = tar([{ name: 'hello', mode: 0o755, bytes: compile(join(root, 'src/engine/demo/hello.c')) }])
  const blob = (mediaType, bytes) => {
    const hex = createHash('sha256').update(bytes).digest('hex')
    writeFileSync(join(directory, 'blobs/sha256', hex), bytes)
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length }
  }
  const json = (value) => Buffer.from(JSON.stringify(value))
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch
  const config = blob('application/vnd.oci.image.config.v1+json', json({
    created: '1970-01-01T00:00:00Z', architecture, os: 'linux',
    config: { Cmd: ['/hello'], Labels: { 'org.opencontainers.image.title': 'scow demo' } },
    rootfs: { type: 'layers', diff_ids: [`sha256:${createHash('sha256').update(layer).digest('hex')}`] },
    history: [{ created: '1970-01-01T00:00:00Z', created_by: 'static hello' }],
  }))
  const manifest = blob('application/vnd.oci.image.manifest.v1+json', json({
    schemaVersion: 2, mediaType: 'application/vnd.oci.image.manifest.v1+json', config,
    layers: [blob('application/vnd.oci.image.layer.v1.tar+gzip', gzipSync(layer, { level: 9 }))],
  }))
  writeFileSync(join(directory, 'oci-layout'), json({ imageLayoutVersion: '1.0.0' }))
  writeFileSync(join(directory, 'index.json'), json({
    schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: [{ ...manifest, platform: { architecture, os: 'linux' }, annotations: { 'org.opencontainers.image.ref.name': 'latest' } }],
  }))
}

function compile(source) {
  const dir = mkdtempSync(join(tmpdir(), 'scow-demo-'))
  try {
    const program = join(dir, 'hello')
    const args = ['-std=gnu11', '-Os', '-s', '-static', '-Wall', '-Wextra', '-Werror', '-Wl,--build-id=none', '-o', program, source]
    try { execFileSync('musl-gcc', args) } catch (error) {
      if (error.code !== 'ENOENT') throw error
      execFileSync('gcc', args)
    }
    return readFileSync(program)
  } finally { rmSync(dir, { recursive: true }) }
}

/** A ustar archive of plain files owned by root, dated 1970. */
function tar(files) {
  const parts = files.flatMap(({ name, mode, bytes }) => {
    const header = Buffer.alloc(512)
    const octal = (value, offset, width) => header.write(value.toString(8).padStart(width - 1, '0'), offset)
    header.write(name, 0)
    octal(mode, 100, 8); octal(0, 108, 8); octal(0, 116, 8); octal(bytes.length, 124, 12); octal(0, 136, 12)
    header.write('        ', 148); header.write('0', 156); header.write('ustar\0' + '00', 257)
    header.write(header.reduce((sum, byte) => sum + byte, 0).toString(8).padStart(6, '0') + '\0 ', 148)
    return [header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]
  })
  return Buffer.concat([...parts, Buffer.alloc(1024)])
}
