// A pull of one layer is killed at every call that changes names or syncs; the next pull must find its way.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { digestOf } from '../../src/image/digest.ts'
import { archive, describeTree } from '../../src/storage/archive-fixture.ts'

const base = mkdtempSync('/tmp/scow-unpack-kill-')
const blob = gzipSync(archive({ name: 'd/', type: '5', mode: 0o750 }, { name: 'd/file', content: 'x'.repeat(100_000) }, { name: 'd/.wh.gone' },
  { name: 'd/link', type: '1', linkName: 'd/file' }, { name: 'implied/s', type: '2', linkName: '../d' }))
const digest = digestOf(blob)
const program = join(import.meta.dirname, '../../src/storage/ingest-fixture.ts')

const server = createServer((request, response) => {
  const offset = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0)
  response.writeHead(offset === 0 ? 200 : 206).end(blob.subarray(offset))
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
const url = `http://127.0.0.1:${(server.address() as { port: number }).port}/`
after(() => {
  server.close().closeAllConnections()
  rmSync(base, { recursive: true })
})

const pull = (root: string, tracer: readonly string[] = []): Promise<string> => new Promise((resolve) => {
  const [file = '', ...args] = [...tracer, process.execPath, program, root, url, digest, String(blob.length)]
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'ignore'] })
  let output = ''
  child.stdout.on('data', (text) => { output += text })
  child.on('close', () => resolve(output))
})

/** Without what is as old as the pull. */
const dated = (tree: string): Record<string, string> =>
  Object.fromEntries(Object.entries(describeTree(tree)).filter(([path]) => !['', 'implied', 'd/gone'].includes(path)))

let reference: Record<string, string> | undefined

for (const call of ['rename,renameat,renameat2', 'mkdir,mkdirat', 'unlink,unlinkat,rmdir', 'fsync,fdatasync,syncfs', 'link,linkat,symlink,symlinkat,mknod,mknodat', 'utimensat', 'flock']) {
  test(`a pull killed at any ${call.split(',')[0]} is made good by the next`, { timeout: 120_000 }, async () => {
    let kills = 0
    for (let when = 1; ; when++) {
      const root = join(base, `${call.split(',')[0]}-${when}`)
      const output = await pull(root, ['strace', '-f', '-qq', '-o', '/dev/null', '-e', `trace=${call}`, '-e', `inject=${call}:signal=SIGKILL:when=${when}`])
      if (output !== '') break
      kills++
      if (existsSync(join(root, 'layers'))) {
        for (const name of readdirSync(join(root, 'layers'))) {
          if (name.length === 64) assert.deepEqual(dated(join(root, 'layers', name, 'diff')), reference ?? dated(join(root, 'layers', name, 'diff')))
        }
      }
      const { tree } = JSON.parse(await pull(root)) as { tree: string }
      reference ??= dated(tree)
      assert.deepEqual(dated(tree), reference)
      assert.deepEqual(readdirSync(join(root, 'staging')), [])
      assert.deepEqual(readdirSync(join(root, 'blobs/partial')), [])
      assert.deepEqual(readdirSync(join(root, 'blobs/sha256')), [digest.slice(7)])
      assert.deepEqual(readdirSync(join(root, 'layers')).filter((name) => name.length === 64).length, 1)
      rmSync(root, { recursive: true })
    }
    assert.ok(kills > 0)
  })
}
