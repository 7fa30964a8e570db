// The disks of a virtual machine: one with Debian, which it writes, and one with this checkout, which it reads.
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { basename, join } from 'node:path'
import { checkout } from '../support/box.ts'
import { imagesDir } from '../support/images.ts'

export interface Disks extends Disposable {
  readonly dir: string
  readonly kernel: string
  readonly initrd: string
  /** A layer over the Debian that was made once: what a machine writes is there at its next boot. */
  readonly system: string
  readonly work: string
}

/** Then the process that they are of. */
const PREFIX = '/var/tmp/scow-vm-'

/** Fresh disks, which end with the scope that they are opened in. `selinux`: the Debian has a policy, and its files labels. */
export function openDisks({ selinux = false } = {}): Disks {
  const base = execFileSync(join(import.meta.dirname, 'build-image'), selinux ? ['selinux'] : [], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim()
  removeAbandoned()
  const dir = mkdtempSync(`${PREFIX}${process.pid}-`)
  const [system, work] = [join(dir, 'system.qcow2'), join(dir, 'work.raw')]
  try {
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', join(base, 'system.raw'), '-F', 'raw', system])
    makeWorkDisk(join(dir, 'tree'), work)
  } catch (error) {
    rmSync(dir, { recursive: true })
    throw error
  }
  return {
    dir, kernel: join(base, 'vmlinuz'), initrd: join(base, 'initrd'), system, work,
    [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }),
  }
}

/** Those of a run that was killed. */
function removeAbandoned(): void {
  for (const dir of globSync(`${PREFIX}*-*`)) if (!existsSync(`/proc/${dir.slice(PREFIX.length).split('-')[0]}`)) rmSync(dir, { recursive: true, force: true })
}

/** The CRI's generated client, and what it needs. */
const CLIENT = ['src/cri/wire/generated', 'node_modules/@grpc/grpc-js', 'node_modules/@js-sdsl/ordered-map', 'node_modules/@bufbuild/protobuf']

/** The built program, its Node, the tests and their images; no source of the program: the guest has what a user has. */
function makeWorkDisk(tree: string, disk: string): void {
  const scow = join(tree, 'scow')
  const node = `node_modules/node-linux-${process.arch}`
  mkdirSync(join(scow, node), { recursive: true })
  for (const name of ['bin', 'dist', 'docs', 'test', 'package.json', ...CLIENT]) cpSync(join(checkout, name), join(scow, name), { recursive: true, verbatimSymlinks: true })
  // See guest/stripped.mjs.
  for (const file of globSync('{test,src}/**/*.ts', { cwd: scow }).map((name) => join(scow, name))) writeFileSync(`${file}.js`, stripTypeScriptTypes(readFileSync(file, 'utf8')))
  cpSync(join(checkout, node, 'bin'), join(scow, node, 'bin'), { recursive: true })
  execFileSync('cp', ['-a', imagesDir(), join(tree, basename(imagesDir()))])
  execFileSync('mke2fs', ['-q', '-t', 'ext4', '-E', 'lazy_itable_init=1', '-d', tree, disk, '2G'], { stdio: ['ignore', 'ignore', 'inherit'] })
  rmSync(tree, { recursive: true })
}
