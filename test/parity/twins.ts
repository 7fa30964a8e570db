// Two of everything: the same images, containers, networks and volumes made by scow and by Debian's podman, so that
// what both say can be laid side by side.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { openBox, checkout, type Box, type Result } from '../support/box.ts'
import { processesGone, unmountRoots } from '../support/leftovers.ts'
import type { Suite } from '../support/suite.ts'

export interface Twins {
  readonly box: Box
  /** Folder that both may use; the same paths in it mean the same files. */
  readonly shared: string
  podman(args: readonly string[], input?: string): Promise<Result>
  /** The same words to both, podman first; both must succeed. */
  make(...args: string[]): Promise<void>
  /** What both say to the same words, with ids, times and paths masked. */
  both(args: readonly string[]): Promise<Pair>
  /** Masks the output of one of the two. */
  mask(side: Side, text: string): string
}

export type Side = 'podman' | 'scow'
export interface Pair { readonly podman: Result; readonly scow: Result }

/** Networks and published ports cannot be the same on one host: scow's are 30 and 300 above podman's. */
export const subnetOf = (side: Side, third: number): string => `10.99.${side === 'scow' ? third + 30 : third}`
export const portOf = (side: Side, port: number): number => (side === 'scow' ? port + 300 : port)

const LIMITS = '[containers]\ndefault_ulimits=["nofile=2000:2000","nproc=2000:2000"]\n[engine]\nlock_type="file"\n'

/** Opens a box with a podman beside it; both have the busybox and the probe image. */
export async function openTwins(t: TestContext, suite: Suite): Promise<Twins> {
  const dir = mkdtempSync('/tmp/twin-')
  const shared = join(dir, 'shared')
  mkdirSync(shared)
  writeFileSync(join(dir, 'containers.conf'), LIMITS)
  const env = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8', TERM: 'xterm', HOME: dir, CONTAINERS_CONF: join(dir, 'containers.conf') }
  const globals = ['--root', join(dir, 'root'), '--runroot', join(dir, 'run'), '--tmpdir', join(dir, 'tmp'), '--cgroup-manager', 'cgroupfs', '--events-backend', 'file',
    '--runtime', 'runc', '--network-config-dir', join(dir, 'networks')]
  const podman = (args: readonly string[], input?: string) => call({ file: 'podman', args: [...globals, ...args], env, cwd: shared, input })
  t.after(() => closePodman(dir, podman))
  const box = await openBox(t, { env: { CONTAINERS_CONF: env.CONTAINERS_CONF } })
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  const keep = new Set<string>()
  const names = new Map<string, string>()
  const mask = (side: Side, text: string) => masked(text, { roots: [dir, box.dir], keep, names, side })
  const made = async (result: Result, who: string, args: readonly string[]) => {
    assert.equal(result.code, 0, `${who} ${args.join(' ')}\n${result.stdout}${result.stderr}`)
    const id = /^([0-9a-f]{64})$/m.exec(result.stdout)?.[1]
    const name = args[args.indexOf('--name') + 1]
    if (id && args.includes('--name')) names.set(id, name!)
  }
  const make: Twins['make'] = async (...args) => {
    const words = (side: Side) => args.map((word) => word.replace(/@net(\d+)/g, (_, third) => subnetOf(side, Number(third))).replace(/@port(\d+)/g, (_, port) => String(portOf(side, Number(port)))))
    const [first, second] = [() => podman(words('podman')), () => box.scow(words('scow'), { cwd: shared })]
    // Of two first programs that publish a port on a host the plugin lets one fail.
    const [theirs, ours] = args.some((word) => word.includes('@port')) ? [await first(), await second()] : await Promise.all([first(), second()])
    await made(theirs, 'podman', args)
    await made(ours, 'scow', args)
  }
  const both: Twins['both'] = async (args) => {
    const [theirs, ours] = await Promise.all([podman(args), box.scow(args, { cwd: shared })])
    return { podman: { ...theirs, stdout: mask('podman', theirs.stdout) }, scow: { ...ours, stdout: mask('scow', ours.stdout) } }
  }
  for (const image of [suite.busybox, suite.probe]) {
    const ours = await box.ok('pull', '-q', image)
    const theirs = await podman(['pull', '-q', '--tls-verify=false', image])
    assert.equal(theirs.stdout.trim(), ours, theirs.stderr)
    keep.add(ours)
    keep.add((await box.ok('image', 'inspect', '--format', '{{.Digest}}', image)).replace('sha256:', ''))
  }
  return { box, shared, podman, make, both, mask }
}

interface Calling { readonly file: string; readonly args: readonly string[]; readonly env: Readonly<Record<string, string>>; readonly cwd: string; readonly input: string | undefined }

async function call({ file, args, env, cwd, input }: Calling): Promise<Result> {
  const child = spawn(file, args, { env, cwd, stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'], timeout: 60_000 })
  let [stdout, stderr] = ['', '']
  child.stdout!.setEncoding('utf8').on('data', (text) => { stdout += text })
  child.stderr!.setEncoding('utf8').on('data', (text) => { stderr += text })
  if (input !== undefined) child.stdin!.end(input)
  const [code] = await once(child, 'close') as [number | null]
  return { code: code ?? -1, stdout, stderr }
}

async function closePodman(dir: string, podman: Twins['podman']): Promise<void> {
  await podman(['rm', '-af', '-t', '0'])
  await podman(['volume', 'prune', '-f'])
  await podman(['network', 'prune', '-f'])
  await processesGone(dir)
  unmountRoots(dir)
  for (const link of ['podman0', 'podman1', 'podman2', 'podman3']) spawnSync('ip', ['link', 'delete', link], { stdio: 'ignore' })
}

interface Masking { readonly roots: readonly string[]; readonly keep: ReadonlySet<string>; readonly names: ReadonlyMap<string, string>; readonly side: Side }

/** What is different by nature: ids made at random, moments, folders, addresses of the two hosts' sides. */
function masked(text: string, { roots, keep, names, side }: Masking): string {
  const short = new Map([...names].map(([id, name]) => [id.slice(0, 12), name]))
  const kept = new Set([...keep].map((id) => id.slice(0, 12)))
  const aged = /ago|second/.test(text)
  let result = roots.reduce((now, root) => now.replaceAll(root, '<dir>'), text)
    .replace(/\b[0-9a-f]{64}\b/g, (id) => (keep.has(id) ? id : `<id ${names.get(id) ?? ''}>`))
    .replace(/\b(?:podman|cni-podman|scow)([0-3])\b/g, '<bridge$1>')
    .replace(/\b[0-9a-f]{12}\b/g, (id) => (kept.has(id) ? id : `<${(short.get(id) ?? '').padEnd(10)}>`))
    .replace(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z| ?[+-]\d\d:?\d\d( (UTC|[+-]\d{4}))?)( m=\S+)?/g, (time) => (time.startsWith('0001') ? time : '<time>'))
    .replace(/(Less than a second|About a minute|About an hour|1 second|\d+ (seconds|minutes|hours))( ago)/g, '<ago>')
    .replace(/\b([0-9a-f]{2}:){5}[0-9a-f]{2}\b/g, '<mac>')
    .replace(/\b1[789]\d{8}\b/g, '<unix>')
    // podman lists published ports in another order now and then
    .replace(/[\d.]+:[\d-]+->[\d-]+\/\w+(, [\d.]+:[\d-]+->[\d-]+\/\w+)+/g, (ports) => ports.split(', ').sort().join(', '))
  if (side === 'scow') result = result.replace(/\b10\.99\.3(\d)\./g, '10.99.$1.').replace(/\b8([3-5])(\d\d)\b/g, (_, hundred, rest) => `8${Number(hundred) - 3}${rest}`)
  return aged ? result.replace(/ {2,}/g, '  ') : result
}

/** First column of the list of differences in docs/parity.md. */
export const listedDifferences = (): string[] => {
  const page = readFileSync(join(checkout, 'docs/parity.md'), 'utf8')
  const table = page.slice(page.indexOf('## Other differences'), page.indexOf('## Gaps'))
  return table.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| what |')).map((line) => line.split(' | ')[0]!.slice(2))
}

export interface Comparison {
  readonly args: readonly string[]
  /** Beyond the masks of all. */
  readonly mask?: readonly (readonly [RegExp, string])[]
  /** The line of docs/parity.md that says why both differ. */
  readonly listed?: string
  /** Lines in any order. */
  readonly unordered?: boolean
}

/** Runs every comparison, a few at once, and makes a test of each. */
export async function compareAll(t: TestContext, twins: Twins, comparisons: readonly Comparison[]): Promise<void> {
  const pairs: Pair[] = []
  let next = 0
  const worker = async () => {
    for (let at = next++; at < comparisons.length; at = next++) pairs[at] = await twins.both(comparisons[at]!.args)
  }
  await Promise.all([worker(), worker(), worker()])
  const listed = new Set(listedDifferences())
  for (const [at, comparison] of comparisons.entries()) {
    const { args, listed: reason } = comparison
    await t.test(`${args.join(' ')}${reason === undefined ? '' : ` (listed: ${reason})`}`, () => {
      const [theirs, ours] = (['podman', 'scow'] as const).map((side) => said(pairs[at]![side], comparison))
      const both = `podman: ${theirs}\nscow:   ${ours}\n${pairs[at]!.podman.stderr}${pairs[at]!.scow.stderr}`
      if (reason === undefined) return assert.ok(ours === theirs, `both differ, and docs/parity.md does not say so\n${both}`)
      assert.ok(listed.has(reason), `docs/parity.md has no line "${reason}"`)
      assert.ok(ours !== theirs, `docs/parity.md tells of a difference that is gone\n${both}`)
      return undefined
    })
  }
}

/** Exit code and output. Of an error only the code is podman's: the words are ours. */
function said({ code, stdout }: Result, { mask = [], unordered }: Comparison): string {
  const text = mask.reduce((now, [pattern, replacement]) => now.replace(pattern, replacement), stdout)
  return `(${code}) ${unordered ? text.split('\n').sort().join('\n') : text}`
}
