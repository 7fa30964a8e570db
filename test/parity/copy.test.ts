// `cp` puts the same files at the same places with the same modes and owners as podman's, or is refused as there.
import '../support/jail.ts'
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { openSuite } from '../support/suite.ts'
import { openTwins, type Side, type Twins } from './twins.ts'

const suite = openSuite()

/** Made anew where a case may have changed it: `dir` with a file and a folder, `file`, links to them and one to nothing. */
const TARGET = 'rm -rf /t && mkdir -p /t/dir/a.txt.d /t/dir/sub && echo old >/t/dir/old && echo file >/t/file && ln -s dir /t/link && ln -s file /t/flink && ln -s none /t/dangling && ln -s /t/dir /t/absolute && mkdir /t/clash /t/clash/a.txt && chmod 711 /t/dir'

interface Case { readonly args: readonly string[]; readonly isListed: boolean }
const as = (...args: string[]): Case => ({ args, isListed: false })
const listed = (_line: '`cp`', one: Case): Case => ({ ...one, isListed: true })

const INTO: readonly Case[] = [
  as('a.txt', 'C:/t/new'), as('a.txt', 'C:/t/dir'), as('a.txt', 'C:/t/dir/'), as('a.txt', 'C:/t/dir/.'), as('a.txt', 'C:/t/none/'), as('a.txt', 'C:/t/none/x'), as('a.txt', 'C:/t/file'), as('a.txt', 'C:/t/link'), as('a.txt', 'C:/t/flink'),
  as('a.txt', 'C:/t/dangling'), as('a.txt', 'C:/t/absolute/x'), as('a.txt', 'C:/t/clash'), as('--overwrite', 'a.txt', 'C:/t/clash'), as('a.txt', 'C:t/relative'), as('a.txt', 'C:/t/dir/../up'), listed('`cp`', as('a.txt', 'C:/t/file/x')),
  as('d', 'C:/t/new'), listed('`cp`', as('d', 'C:/t/new/')), as('d/', 'C:/t/new'), as('d', 'C:/t/dir'), as('d/', 'C:/t/dir'), as('d/.', 'C:/t/dir'), as('d/.', 'C:/t/new'), as('./d/.', 'C:/t/dir/sub'), as('d', 'C:/t/file'), listed('`cp`', as('--overwrite', 'd', 'C:/t/file')), as('d', 'C:/t/none/x'),
  as('flink', 'C:/t/new'), as('flink', 'C:/t/dir'), as('dlink', 'C:/t/new'), as('dlink', 'C:/t/dir'), as('dlink/', 'C:/t/dir'), as('dlink/.', 'C:/t/dir'), as('none', 'C:/t/dir'), as('a.txt/', 'C:/t/dir'), as('-a=false', 'a.txt', 'C:/t/new'), as('--archive=false', 'd', 'C:/t/new'),
  as('a.txt', 'nosuch:/t'), as('C:/t/nosuch', 'C:/t/x'),
]
/** Of a container whose user is not root. */
const OWNERS: readonly Case[] = [as('a.txt', 'C:/t/new'), as('d', 'C:/t/new'), as('d/.', 'C:/t/dir'), as('-a=false', 'd', 'C:/t/new'), as('other:/etc/passwd', 'C:/t/new'), as('-a=false', 'other:/bin', 'C:/t/new')]
const OUT_OF: readonly Case[] = [
  as('C:/t/file', 'new'), as('C:/t/file', 'dir'), as('C:/t/file', 'dir/'), as('C:/t/file', 'none/'), as('C:/t/file', 'none/x'), as('C:/t/file', '.'), as('C:/t/dir', 'new'), as('C:/t/dir', 'dir'), as('C:/t/dir/.', 'dir'), as('C:/t/dir/.', 'new'), as('C:/t/dir/', 'dir'),
  as('C:/t/link', 'new'), as('C:/t/link', 'dir'), as('C:/t/link/.', 'dir'), as('C:/t/flink', 'new'), as('C:/t/flink', 'dir'), as('C:/t/absolute', 'dir'), as('C:/t/dangling', 'dir'), as('C:/t/none', 'dir'), as('C:/t/dir', 'file'), listed('`cp`', as('--overwrite', 'C:/t/dir', 'file')),
  as('C:/t/file', 'clash'), listed('`cp`', as('C:/t/file/', 'dir')), as('C:t/file', 'dir'), as('-a=false', 'C:/t/file', 'new'),
]
const NEITHER: readonly Case[] = [as('a', 'b'), as('a'), as('C:/t', 'a', 'b'), as('C:', 'a'), as('', 'C:/t')]

/** Name, kind, mode, owner, size and target of everything below, by name. */
const listing = (folder: string): string => {
  const { stdout } = spawnSync('find', ['.', '-mindepth', '1', '-printf', '%p %y %m %U:%G %l\n'], { cwd: folder, encoding: 'utf8' })
  return stdout.split('\n').sort().join('\n')
}

const SIDES: readonly Side[] = ['podman', 'scow']

async function call({ podman, box, shared }: Twins, side: Side, args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return side === 'podman' ? podman(args) : box.scow(args, { cwd: shared })
}

test('cp', async (t) => {
  const twins = await openTwins(t, suite)
  const { shared } = twins
  writeFileSync(join(shared, 'a.txt'), 'a\n', { mode: 0o640 })
  mkdirSync(join(shared, 'd/sub'), { recursive: true })
  mkdirSync(join(shared, 'd/empty'), { mode: 0o1777 })
  writeFileSync(join(shared, 'd/x'), 'x\n', { mode: 0o755 })
  writeFileSync(join(shared, 'd/sub/y'), 'y\n')
  symlinkSync('x', join(shared, 'd/l'))
  symlinkSync('a.txt', join(shared, 'flink'))
  symlinkSync('d', join(shared, 'dlink'))
  chownSync(join(shared, 'a.txt'), 33, 44)
  chownSync(join(shared, 'd/sub/y'), 33, 44)
  await twins.make('run', '-d', '--name', 'running', '--network', 'none', '-v', 'data:/vol', suite.busybox, 'sleep', '1000')
  await twins.make('create', '--name', 'made', '--network', 'none', '-v', 'data:/vol', suite.busybox, 'true')
  await twins.make('run', '-d', '--name', 'user', '--network', 'none', '--user', '12:34', suite.busybox, 'sleep', '1000')
  await twins.make('create', '--name', 'still', '--user', '12:34', '--network', 'none', suite.busybox, 'true')
  const roots = new Map<string, string>()
  for (const side of SIDES) for (const name of ['running', 'user']) roots.set(`${side} ${name}`, `/proc/${(await call(twins, side, ['inspect', '-f', '{{.State.Pid}}', name])).stdout.trim()}/root`)
  /** Without the program that is compared: two processes of it for each case would take most of the test's time. */
  const inside = (side: Side, name: string, script: string): string => {
    const { status, stdout, stderr } = spawnSync('/usr/sbin/chroot', [roots.get(`${side} ${name}`)!, '/bin/sh', '-c', script], { encoding: 'utf8', env: { PATH: '/bin' } })
    assert.equal(status, 0, stderr)
    return stdout
  }
  const compare = async ({ args, isListed }: Case, act: (side: Side) => Promise<string>): Promise<void> => {
    await t.test(`cp ${args.join(' ')}${isListed ? ' (listed)' : ''}`, async () => {
      const [theirs, ours] = [await act('podman'), await act('scow')]
      assert.equal(ours === theirs, !isListed, `podman: ${theirs}\nscow:   ${ours}`)
    })
  }
  const LOOK = 'cd /t && find . | sort | xargs stat -c "%n %F %a %u:%g"; cat file new dir/a.txt 2>/dev/null'
  for (const { name, cases } of [{ name: 'running', cases: INTO }, { name: 'user', cases: OWNERS }]) {
    for (const side of SIDES) inside(side, name, TARGET)
    for (const { args, isListed } of cases) {
      const words = args.map((word) => word.replace(/^C:/, `${name}:`).replace(/^other:/, 'running:'))
      await compare({ args: words, isListed }, async (side) => {
        const { code } = await call(twins, side, ['cp', ...words])
        return `(${code}) ${inside(side, name, `${LOOK}; ${TARGET}`)}`
      })
    }
  }
  for (const { args, isListed } of OUT_OF) {
    const words = args.map((word) => word.replace(/^C:/, 'running:'))
    await compare({ args: words, isListed }, async (side) => {
      const folder = join(shared, `${side}.out`)
      spawnSync('sh', ['-c', `rm -rf ${folder} && mkdir -p ${folder}/dir ${folder}/clash/file && echo f >${folder}/file`])
      const at = words.map((word, index) => (index === words.length - 1 ? `./${side}.out/${word}` : word))
      const { code } = await call(twins, side, ['cp', ...at])
      return `(${code}) ${listing(folder)}`
    })
  }
  for (const { args, isListed } of NEITHER) {
    const words = args.map((word) => word.replace(/^C:/, 'running:'))
    await compare({ args: words, isListed }, async (side) => `(${(await call(twins, side, ['cp', ...words])).code})`)
  }
  for (const name of ['made', 'still']) {
    await compare(as(name, 'that does not run'), async (side) => {
      const folder = join(shared, `${side}.still`)
      spawnSync('rm', ['-rf', folder])
      mkdirSync(folder)
      const codes: number[] = []
      for (const words of [['d', `${name}:/opt`], ['a.txt', `${name}:/opt/a`], ['a.txt', `${name}:/none/a`], [`${name}:/opt`, `./${side}.still/opt`], [`${name}:/etc/passwd`, `./${side}.still`], ...(name === 'made' ? [['a.txt', `${name}:/vol/v`], ['running:/vol/v', `./${side}.still`]] : [])]) {
        codes.push((await call(twins, side, ['cp', ...words])).code)
      }
      return `(${codes.join(' ')}) ${listing(folder)}`
    })
  }
})
