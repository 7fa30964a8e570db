import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, globSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import test, { after } from 'node:test'
import { killCgroup, removeCgroup, thawCgroup } from './cgroup-tree.ts'

const PARENT = 'scow-tree-test'
const ROOTS = existsSync('/sys/fs/cgroup/cgroup.controllers') ? ['/sys/fs/cgroup'] : globSync('/sys/fs/cgroup/*/cgroup.procs').map(dirname).filter((dir) => !dir.endsWith('/cpuset')) // an empty cpuset takes nobody
const dirsOf = (path: string): string[] => ROOTS.map((root) => join(root, PARENT, path))
const make = (path: string): void => { for (const dir of dirsOf(path)) mkdirSync(dir, { recursive: true }) }
after(() => { for (const dir of dirsOf('')) rmdirSync(dir) })

/** A process in these groups. */
async function processIn(path: string) {
  const child = spawn('sleep', ['1000'], { stdio: 'ignore' })
  await once(child, 'spawn')
  for (const dir of dirsOf(path)) writeFileSync(join(dir, 'cgroup.procs'), String(child.pid))
  return { child, ended: once(child, 'exit') }
}

test('a cgroup goes with all below it and leaves its neighbours; one with a process stays', async () => {
  make('own/a/b')
  make('other')
  assert.deepEqual(await removeCgroup(`/${PARENT}/own`), [])
  assert.deepEqual(dirsOf('own').filter(existsSync), [])
  assert.deepEqual(dirsOf('other').filter((dir) => !existsSync(dir)), [])
  assert.deepEqual(await removeCgroup(`/${PARENT}/own`), [], 'again')
  make('other/empty')
  const { child, ended } = await processIn('other')
  assert.deepEqual((await removeCgroup(`/${PARENT}/other`)).sort(), dirsOf('other').sort())
  assert.deepEqual(dirsOf('other/empty').filter(existsSync), [])
  child.kill('SIGKILL')
  await ended
  assert.deepEqual(await removeCgroup(`/${PARENT}/other`), [])
})

test('every process of a cgroup and below is killed, frozen or not, and no other', async () => {
  make('own/below')
  make('other')
  const [own, below, other] = [await processIn('own'), await processIn('own/below'), await processIn('other')]
  for (const dir of dirsOf('own')) {
    for (const [file, text] of [['freezer.state', 'FROZEN'], ['cgroup.freeze', '1']] as const) if (existsSync(join(dir, file))) writeFileSync(join(dir, file), text)
  }
  await killCgroup(`/${PARENT}/own`)
  await Promise.all([own.ended, below.ended])
  assert.equal(other.child.exitCode ?? other.child.signalCode, null)
  thawCgroup(`/${PARENT}/none`)
  await killCgroup(`/${PARENT}/other`)
  await other.ended
  assert.deepEqual([...await removeCgroup(`/${PARENT}/own`), ...await removeCgroup(`/${PARENT}/other`)], [])
})
