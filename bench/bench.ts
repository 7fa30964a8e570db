// Compares scow with Debian's podman and containerd, the two in turn on the same images, and writes docs/benchmark.md.
// usage: bench.ts [WORD ...]: only the measurements whose name has one of the words; nothing is written then.
import { spawnSync } from 'node:child_process'
import { cpus, freemem, release } from 'node:os'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bigImage } from './big-image.ts'
import { call, compare, median, monitorMemory, report, type Comparison, type Row, type Tool } from './measure.ts'

const big = await bigImage()
if (!process.env['SCOW_JAIL_FILE']) {
  const { status } = spawnSync(join(import.meta.dirname, '../test/support/jail.sh'), [process.execPath, ...process.argv.slice(1)],
    { stdio: 'inherit', env: { ...process.env, SCOW_JAIL_FILE: 'bench' } })
  process.exit(status ?? 1)
}

const { unmountRoots } = await import('../test/support/leftovers.ts')
const { openRegistry } = await import('../test/support/registry.ts')
const { startRegistryServer } = await import('../test/support/registry-server.ts')
const { CRI_TOOLS, measureCri } = await import('./cri.ts')

const words = process.argv.slice(2)
const base = '/var/tmp/scow-bench-roots'
const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

const runRoots = join(base, 'run')
const rootsOf = (name: string): string[] => ['--root', join(base, name), '--runroot', join(runRoots, name)]

function makeTools(): Tool[] {
  rmSync(base, { recursive: true, force: true })
  mkdirSync(runRoots, { recursive: true })
  mountTmpfs(runRoots) // as /run is where systemd is
  mkdirSync('/etc/containers', { recursive: true })
  writeFileSync('/etc/containers/registries.conf', '[[registry]]\nlocation = "127.0.0.1"\ninsecure = true\n')
  const conf = join(base, 'containers.conf')
  writeFileSync(conf, '[containers]\ndefault_ulimits = ["nofile=2000:2000", "nproc=2000:2000"]\n[engine]\ncgroup_manager = "cgroupfs"\nruntime = "runc"\nevents_logger = "file"\n')
  const env = { PATH: path, HOME: base, LANG: 'C.UTF-8' }
  // As setup does it with our Node: a program's start depends on the size of the pieces that it was written in.
  const podmanFile = join(base, 'copies/podman')
  mkdirSync(join(base, 'copies'))
  writeFileSync(podmanFile, readFileSync('/usr/bin/podman'), { mode: 0o755 })
  return [
    { name: 'scow', command: [join(import.meta.dirname, '../bin/scow'), ...rootsOf('scow')], env },
    { name: 'podman', command: [podmanFile, '--log-level', 'error', ...rootsOf('podman')], env: { ...env, CONTAINERS_CONF: conf } },
  ]
}

const tools = makeTools()
const registry = await openRegistry()
const bigServer = await startRegistryServer(big, { readOnly: true })
const busybox = `${registry.host}/busybox:1`
const web = `${registry.host}/web:1`
const bigName = `127.0.0.1:${bigServer.port}/big:1`
const rows: Row[] = []
const podman = `${call(tools[1]!, ['--version'])} (network backend ${call(tools[1]!, ['info', '--format', '{{.Host.NetworkBackend}}'])})`
let criRows: Row[] = []
const failures: string[] = []

const quietly = (tool: Tool, args: readonly string[]) => { call(tool, args) }
const removeAll = () => { for (const tool of tools) quietly(tool, ['rm', '--all', '--force', '--time', '0']) }

function measure(comparison: Comparison): void {
  if (words.length > 0 && !words.some((word) => comparison.what.includes(word))) return
  console.error(`bench: ${comparison.what}`)
  try {
    rows.push(compare(tools, comparison))
  } catch (error) {
    failures.push(`${comparison.what}: ${error instanceof Error ? error.message : String(error)}`)
  }
}

try {
  for (const tool of tools) for (const image of [busybox, web]) await runAside(tool, ['pull', '-q', image])
  measure({ what: '`run --rm --network none IMAGE true`', runs: 20, act: () => ['run', '--rm', '--network', 'none', busybox, 'true'] })
  measure({ what: '`run --rm IMAGE true`, bridge network', runs: 15, act: () => ['run', '--rm', busybox, 'true'] })
  measure({ what: '`run -d IMAGE`, bridge network', runs: 10, act: (_, run) => ['run', '-d', '--name', `d${run}`, busybox, 'sleep', '9999'] })
  measureMemory()
  removeAll()

  for (const tool of tools) for (const name of ['a', 'b', 'c']) quietly(tool, ['run', '-d', '--network', 'none', '--name', name, busybox, 'sleep', '9999'])
  measure({ what: '`exec C true`', runs: 20, act: () => ['exec', 'a', 'true'] })
  measure({ what: '`ps`, 3 containers', runs: 20, act: () => ['ps'] })
  removeAll()
  measure({
    what: '`stop` of nginx', runs: 8, act: (_, run) => ['stop', `s${run}`],
    before: (tool, run) => quietly(tool, ['run', '-d', '--name', `s${run}`, web]), after: (tool, run) => quietly(tool, ['rm', '-f', `s${run}`]),
  })
  measure({ what: '`create`, the first 300', runs: 300, act: (_, run) => ['create', '--name', `n${run}`, busybox, 'true'] })
  measure({ what: '`ps`, 300 containers', runs: 10, act: () => ['ps'] })
  measure({ what: '`ps -a`, 300 containers', runs: 10, act: () => ['ps', '-a'] })
  removeAll()
  measure({
    what: '`rm -f` of 50 running', runs: 2, act: (_, run) => ['rm', '-f', '-t', '0', ...fifty(run)],
    before: (tool, run) => { for (const name of fifty(run)) quietly(tool, ['run', '-d', '--name', name, busybox, 'sleep', '9999']) },
  })
  // The registry runs in another process: nothing of the measurement goes through this one.
  // Into roots that stay: for minutes ext4 looks through the files that were removed whenever it makes one, which would be
  // most of the time of the next pull.
  // The host gives a virtual machine its memory page by page when it is first written, which takes longer than all else that is done
  // with the page: so it is written before.
  const warm = (): void => { spawnSync(process.execPath, ['--eval', `Buffer.alloc(${Math.floor(Math.min(3 * 2 ** 30, freemem() / 2))}, 1)`]) }
  measure({ what: '`pull` of 8 layers, 300 MB', runs: 4, before: warm, act: (tool, run) => [...rootsOf(`${tool.name}-pull${run}`), 'pull', '-q', bigName] })
  criRows = await measureCri({ small: busybox, big: bigName }, words).catch((error: unknown) => {
    failures.push(`CRI: ${error instanceof Error ? error.message : String(error)}`)
    return []
  })
} finally {
  removeAll()
  await registry.close()
  await bigServer.stop()
  unmountRoots(base)
  rmSync(base, { recursive: true, force: true })
}

const table = [...(rows.length > 0 ? [report(rows, tools.map(({ name }) => name))] : []), ...(criRows.length > 0 ? [report(criRows, CRI_TOOLS)] : [])].join('\n\n')
console.log(table)
for (const failure of failures) console.error(`bench: ${failure}`)
if (words.length === 0 && failures.length === 0) writeReport()
if (failures.length > 0) process.exitCode = 1

function fifty(run: number): string[] {
  return Array.from({ length: 50 }, (_, index) => `f${run}-${index}`)
}

/** As `call`, but this process goes on serving the registry meanwhile. */
async function runAside({ command, env }: Tool, args: readonly string[]): Promise<void> {
  const { execFile } = await import('node:child_process')
  const { promisify } = await import('node:util')
  await promisify(execFile)(command[0]!, [...command.slice(1), ...args], { env })
}

function mountTmpfs(dir: string): void {
  call({ name: 'mount', command: ['mount'], env: { PATH: path } }, ['-t', 'tmpfs', 'tmpfs', dir])
}

function measureMemory(): void {
  const what = 'memory of the monitor, per container'
  if (words.length > 0 && !words.some((word) => what.includes(word))) return
  const medians = Object.fromEntries(tools.map(({ name }) => [name, median(monitorMemory(join(base, name)))]))
  rows.push({ what, unit: 'kB', runs: 1, medians })
}

function writeReport(): void {
  const text = `# Benchmark

Made by \`npm run bench\` on ${new Date().toISOString().slice(0, 10)}: Linux ${release().split(".", 2).join(".")}, ${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}), ${podman},
and ${call({ name: 'containerd', command: ['containerd'], env: { PATH: path } }, ['--version']).split(' ').slice(0, 3).join(' ')},
runc for all. Medians of wall time, the programs in turn; images from a loopback registry. Machines differ: read the
ratios.

${table}
`
  writeFileSync(join(import.meta.dirname, '../docs/benchmark.md'), text)
}
