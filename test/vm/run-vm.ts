// Runs the tests in a Debian machine with systemd, cgroup v2 and a shared /, under software emulation.
// usage: run-vm.ts [e2e|guest|power ...]; without words all of them
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { imagesDir } from '../support/images.ts'
import { boot, diskFiles, freshRoot, makeDisk, type Disks } from './machine.ts'

const root = resolve(import.meta.dirname, '../..')
const words = process.argv.slice(2)
const wanted = (word: string) => words.length === 0 || words.includes(word)
const minutes = (count: number) => count * 60_000

const base = baseImage()
const work = mkdtempSync('/var/tmp/scow-vm-')
let failed = 0
let passed = 0
try {
  const { base: rootImage, ...kernel } = diskFiles(base)
  const disks: Disks = { ...kernel, root: freshRoot(rootImage, join(work, 'root.qcow2')), work: makeDisk(workFolder(), join(work, 'work.img'), '4G') }
  if (wanted('e2e')) await inMachine(disks, 'e2e', minutes(60))
  if (wanted('guest')) await inMachine(disks, 'guest', minutes(20))
  if (wanted('power')) await powerCuts(disks)
  if (words.includes('try')) await inMachine(disks, 'try', minutes(20))
} catch (error) {
  failed++
  console.error(error instanceof Error ? error.message : error)
} finally {
  if (!process.env['SCOW_VM_KEEP']) rmSync(work, { recursive: true, force: true })
}
console.log(`\n${passed} passed, ${failed} failed`)
process.exitCode = failed > 0 ? 1 : 0

function baseImage(): string {
  const hash = createHash('sha256')
  for (const file of ['build-image.sh', 'packages', 'scow-test.service']) hash.update(readFileSync(join(import.meta.dirname, file)))
  const dir = `/var/tmp/scow-vm-base-${hash.digest('hex').slice(0, 12)}`
  execFileSync(join(import.meta.dirname, 'build-image.sh'), [dir], { stdio: 'inherit' })
  return dir
}

/** What the second disk holds: the built program, its Node, the tests and their images. */
function workFolder(): string {
  const folder = join(work, 'disk')
  mkdirSync(join(folder, 'scow/node_modules'), { recursive: true })
  for (const name of ['bin', 'dist', 'test', 'package.json']) cpSync(join(root, name), join(folder, 'scow', name), { recursive: true })
  const node = `node_modules/node-linux-${process.arch}`
  cpSync(join(root, node, 'bin'), join(folder, 'scow', node, 'bin'), { recursive: true })
  cpSync(join(import.meta.dirname, 'guest.sh'), join(folder, 'guest.sh'))
  // cp keeps the layout as it is; the guest links it to where the tests look.
  execFileSync('cp', ['-a', imagesDir(), join(folder, basename(imagesDir()))])
  return folder
}

/** Boots for one phase, and counts what node's runner said in there. */
async function inMachine(disks: Disks, phase: string, timeoutMs: number): Promise<void> {
  console.log(`vm: ${phase}`)
  const machine = boot({ disks, phase, console: join(work, `console-${phase}.log`) })
  try {
    await machine.sees(/^scow: done$/m, timeoutMs)
    count(machine.output())
    await machine.ended()
  } finally {
    await machine.cut()
  }
}

function count(output: string): void {
  const number = (word: string) => Number(new RegExp(`^ℹ ${word} (\\d+)$`, 'm').exec(output)?.[1] ?? 0)
  passed += number('pass')
  failed += number('fail') + number('cancelled')
  if (number('tests') === 0) failed++
}

/** The power goes in mid pull and in mid create; after the next boot all is whole. */
async function powerCuts(disks: Disks): Promise<void> {
  for (const [act, afterMs] of [['pull', 1500], ['pull', 6000], ['create', 1000], ['create', 4000]] as const) {
    console.log(`vm: power cut in mid ${act}, after ${afterMs} ms`)
    const victim = boot({ disks, phase: `cut-${act}`, console: join(work, 'console-cut.log') })
    await victim.sees(/^scow: now$/m, minutes(10))
    await sleep(afterMs)
    await victim.cut()
    const after = boot({ disks, phase: 'after-cut', console: join(work, 'console-after.log') })
    try {
      const [, verdict] = await after.sees(/^scow: (whole|broken.*)$/m, minutes(10))
      if (verdict === 'whole') passed++
      else failed++
    } finally {
      await after.cut()
    }
  }
}
