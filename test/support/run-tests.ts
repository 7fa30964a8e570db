// Runs test files with node's runner: all of them, after a check of types, or those named. The whole run is in a jail
// (jail.sh), but for test/smoke, which uses the machine as a person does.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { globSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { run } from 'node:test'
import { allowedSkips } from './allowed-skips.ts'

/** Of one file; a sweep over all faults has no bound that fits. */
const TIMEOUT_MS = process.env['FAULTS'] === 'all' ? 24 * 60 * 60_000 : 10 * 60_000

/** Two more than processors: many files wait for containers to stop. */
const CONCURRENCY = Math.max(2, availableParallelism()) + 2

const root = resolve(import.meta.dirname, '../..')

/** To take the types out of all that a test imports costs it up to a second: done once for all. Programs that tests start do not see it. */
process.env['NODE_COMPILE_CACHE'] ??= join(root, 'node_modules/.cache/compiled')
const EVERYWHERE = ['src/**/*.test.ts', 'test/*.test.ts', 'test/{support,e2e,faults,cri,cri-client,conformance,cli,conmon,parity}/**/*.test.ts']
const OUTSIDE = 'test/smoke/**/*.test.ts'

interface Counts { passed: number; failed: number; skipped: number }

/** The longest first, so that no processor waits for one at the end. */
const LONG = ['test/faults/', 'test/parity/', 'test/e2e/', 'test/cri', 'src/storage/']
const rank = (file: string): number => LONG.findIndex((folder) => file.startsWith(folder)) >>> 0
const find = (globs: readonly string[]) => globs.flatMap((glob) => globSync(glob, { cwd: root })).sort()
  .sort((a, b) => rank(a) - rank(b)).map((file) => join(root, file))
const named = process.argv.slice(2)
const chosen = (globs: readonly string[]) => {
  const all = find(globs)
  return named.length === 0 ? all : all.filter((file) => named.some((name) => file.startsWith(resolve(name)) || file.includes(`/${name}`)))
}

const smoke = chosen([OUTSIDE])
const counts: Counts = JSON.parse(process.env['SCOW_TEST_COUNTS'] ?? '{"passed":0,"failed":0,"skipped":0}')
if (process.env['SCOW_JAIL']) {
  await runFiles(chosen(EVERYWHERE), counts)
  process.exitCode = finish(counts)
} else {
  if (named.length > 0 && smoke.length === 0 && chosen(EVERYWHERE).length === 0) {
    console.error(`no test file matches ${named.join(' ')}`)
    process.exit(1)
  }
  const types = named.length === 0 ? once(spawn('tsc', ['--noEmit'], { cwd: root, stdio: 'inherit' }), 'exit') : undefined
  await runFiles(smoke, counts) // which mostly wait, and leave a processor to the types
  if (types) {
    if ((await types)[0] !== 0) process.exit(1)
    console.log('types: right')
  }
  const { status } = spawnSync(join(import.meta.dirname, 'jail.sh'), [process.execPath, ...process.argv.slice(1)],
    { stdio: 'inherit', env: { ...process.env, SCOW_TEST_COUNTS: JSON.stringify(counts) } })
  process.exitCode = status ?? 1
}

async function runFiles(files: readonly string[], into: Counts): Promise<void> {
  if (files.length === 0) return
  const stderr = new Map<string, string>()
  const events = run({ files: [...files], concurrency: Number(process.env['SCOW_TEST_CONCURRENCY']) || CONCURRENCY, timeout: TIMEOUT_MS, isolation: 'process' })
  for await (const { type, data } of events) {
    if (type === 'test:stderr') stderr.set(data.file, `${stderr.get(data.file) ?? ''}${data.message}`.slice(-20_000))
    if (type === 'test:pass' && data.details.type !== 'suite' && data.skip !== undefined) noteSkip(data.name, data.skip, into)
    if (type === 'test:fail' && data.details.type !== 'suite') {
      // at once: it is known by the file that defines it, which another may have imported
      console.log(describe(data.name, data.details.error))
      // the file itself, whose tests may all have passed: its jail found something left
      if (data.name === data.file) into.failed++
    }
    if (type === 'test:summary' && data.file !== undefined) {
      const name = relative(root, data.file)
      const failed = data.counts.tests - data.counts.passed - data.counts.skipped - data.counts.todo
      const line = `${name}  ${data.counts.passed} passed${failed > 0 ? `, ${failed} failed` : ''}  ${(data.duration_ms / 1000).toFixed(1)} s`
      console.log(`${data.success && failed === 0 ? 'ok  ' : 'FAIL'} ${line}`)
      into.passed += data.counts.passed
      into.failed += failed
      if (failed > 0) console.log(`${stderr.get(data.file)?.trimEnd() ?? ''}\n---- end of ${name}`)
    }
  }
}

function noteSkip(name: string, why: string | boolean | undefined, into: Counts): void {
  into.skipped++
  const allowed = name in allowedSkips
  console.log(`skip ${name}: ${typeof why === 'string' ? why : 'no reason'}${allowed ? '' : ' (not on the list of allowed skips)'}`)
  if (!allowed && process.env['CI']) into.failed++
}

function describe(name: string, error: Error): string {
  const cause = error.cause instanceof Error ? error.cause : error
  return `✖ ${name}\n${(cause.stack ?? String(cause)).replace(/^/gm, '    ')}`
}

function finish({ passed, failed, skipped }: Counts): number {
  const nothing = passed + failed === 0
  if (nothing) console.log('no test ran')
  console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped`)
  return failed > 0 || nothing ? 1 : 0
}
