import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { getPriority, tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { digestOf } from '../image/digest.ts'
import { makeUnpackers } from './unpackers.ts'

/** Of each of this process's threads (proc_pid_stat(5): the 17th field after the name). */
const nicenesses = (): number[] => readdirSync('/proc/self/task').map((thread) => {
  const stat = readFileSync(`/proc/self/task/${thread}/stat`, 'utf8')
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16])
})

for (const [inline, expected] of [[false, 1], [true, 0]] as const) {
  test(inline ? 'a caller that only waits has its layers unpacked as fast as itself' : 'beside a server its layers are unpacked with what it leaves of the processors', async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'unpackers-'))
    const unpackers = makeUnpackers({ inline })
    t.after(async () => { await unpackers.close(); rmSync(dir, { recursive: true }) })
    const root = join(dir, 'tree')
    mkdirSync(root)
    const archive = Buffer.alloc(10_240)
    writeFileSync(join(dir, 'blob'), archive)
    const { feed, done } = unpackers.start({
      // larger than what the calling thread would take
      file: join(dir, 'blob'), digest: digestOf(archive), sizeBytes: 1 << 30, known: false, diffAlgorithm: 'sha256', root, style: 'names', umask: 0o022,
      limits: { maxBytes: 1 << 30, ofDisk: false, maxEntries: 10 },
    })
    feed.grow(archive.length)
    feed.end()
    await done
    const own = getPriority()
    assert.equal(nicenesses().filter((niceness) => niceness === own + 10).length, expected)
  })
}
