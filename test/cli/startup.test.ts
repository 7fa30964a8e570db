// What a start loads is its price: these lists are the budget.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { NODE_FLAGS } from '../../src/engine/cleanup-command.ts'

const root = join(import.meta.dirname, '../..')

/** Modules of ours below src, and names of packages. */
function loadedBy(...words: string[]): { own: string[]; packages: string[] } {
  const dir = mkdtempSync(join(tmpdir(), 'scow-start-'))
  const file = join(dir, 'loads')
  const roots = ['--root', join(dir, 'root'), '--runroot', join(dir, 'run')]
  try {
    execFileSync(process.execPath, ['--import', join(import.meta.dirname, 'fixtures/trace-loads.mjs'), join(root, 'src/main.ts'), ...roots, ...words], {
      env: { ...process.env, TRACE_LOADS: file }, stdio: 'ignore',
    })
  } catch { /* what counts is what it loaded until it failed */ }
  const urls = readFileSync(file, 'utf8').trim().split('\n')
  rmSync(dir, { recursive: true, force: true })
  return {
    own: urls.filter((url) => url.includes('/src/')).map((url) => url.slice(url.indexOf('/src/') + '/src/'.length)),
    packages: [...new Set(urls.flatMap((url) => /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1] ?? []))].sort(),
  }
}

/** Modules of Node that the built program loads beyond those of any start. */
delete process.env['NODE_COMPILE_CACHE'] // of the tests themselves: it has modules of its own

function builtinsOf(...words: string[]): string[] {
  const dir = mkdtempSync(join(tmpdir(), 'scow-start-'))
  const file = join(dir, 'loads')
  try {
    execFileSync(process.execPath, ['--require', join(import.meta.dirname, 'fixtures/trace-builtins.cjs'), join(root, 'dist/main.cjs'), '--root', join(dir, 'root'), '--runroot', join(dir, 'run'), ...words], {
      env: { ...process.env, TRACE_LOADS: file }, stdio: 'ignore',
    })
  } catch { /* as above */ }
  const names = readFileSync(file, 'utf8').split('\n')
  rmSync(dir, { recursive: true, force: true })
  return names.flatMap((name) => /^NativeModule (.*)/.exec(name)?.[1] ?? [])
}

const HEAVY = ['ora', 'cli-table3', 'chalk', '@grpc/grpc-js', 'yaml', 'tar-stream', 'ws']
/** Template values may be loaded, the engine of templates only with --format. */
const TEMPLATE_ENGINE = ['cli/template/template.ts', 'cli/template/parse.ts', 'cli/template/evaluate.ts', 'cli/template/functions.ts']

test('version loads no engine, no configuration and no package', () => {
  const { own, packages } = loadedBy('version')
  assert.deepEqual(packages, [])
  assert.deepEqual(own.filter((path) => /^(engine|state|storage|registry|network|monitor|runtime|spec|config)/.test(path)), [])
})

test('ps loads the state and nothing of storage, registry, network and runtime', () => {
  const { own, packages } = loadedBy('ps', '-a')
  assert.deepEqual(packages.filter((name) => HEAVY.includes(name) || name === 'valibot'), [])
  assert.ok(own.includes('state/state.ts'))
  assert.deepEqual(own.filter((path) => /^(storage|registry|network|runtime)\//.test(path)), [])
  assert.deepEqual(own.filter((path) => TEMPLATE_ENGINE.includes(path)), [])
})

test('templates are loaded with --format only', () => {
  const { own } = loadedBy('ps', '--format', '{{.ID}}')
  assert.deepEqual(TEMPLATE_ENGINE.filter((path) => !own.includes(path)), [])
})

test('run loads no registry client when the image need not be pulled, and no drawing', () => {
  const { own, packages } = loadedBy('run', '--rm', '--pull', 'never', '--network', 'none', 'localhost/nope', 'true')
  assert.deepEqual(packages.filter((name) => HEAVY.includes(name)), [])
  assert.deepEqual(own.filter((path) => path.startsWith('registry/') && !/registry(-files)?\.ts$/.test(path)), [])
  assert.deepEqual(own.filter((path) => TEMPLATE_ENGINE.includes(path)), [])
})

test('container cleanup loads no registry client and nothing that draws', () => {
  const { own, packages } = loadedBy('container', 'cleanup', '--all')
  assert.deepEqual(packages.filter((name) => HEAVY.includes(name)), [])
  assert.deepEqual(own.filter((path) => path.startsWith('registry/')), [])
})

test('each command that is run is the only command that is loaded', () => {
  const { own } = loadedBy('container', 'exists', 'nope')
  assert.deepEqual(own.filter((path) => /^commands\/(container|image|network|volume|system)\/[^/]+\.ts$/.test(path)), ['commands/container/exists.ts', 'commands/container/source.ts'])
})

test('the way over the CRI is loaded with --endpoint only', () => {
  const isRemote = (path: string): boolean => /^(cri|commands\/(cri|remote))\//.test(path)
  for (const words of [['ps', '-a'], ['images'], ['version'], ['run', '--pull', 'never', 'localhost/nope']]) assert.deepEqual(loadedBy(...words).own.filter(isRemote), [], words.join(' '))
  const refused = loadedBy('--endpoint', '/nowhere/cri.sock', 'pause', 'web')
  assert.deepEqual(refused.own.filter(isRemote), ['commands/remote/permit.ts', 'commands/remote/abilities.ts'])
})

test('the built program loads no sockets, streams, processes or cryptography of Node for ps and cleanup', () => {
  for (const words of [['ps'], ['container', 'cleanup', '--all']]) {
    assert.deepEqual(builtinsOf(...words).filter((name) => /^(net|stream|child_process|crypto|zlib|http|https|worker_threads|fs\/promises|internal\/streams\/.*)$/.test(name)), [], words.join(' '))
  }
})

test('bundles of commands that only read the state hold nothing of storage, networks and runtimes', () => {
  const held = (command: string) => ['upperdir=', 'CNI_COMMAND', '--pid-file'].filter((text) => readFileSync(join(root, `dist/command-container-${command}.cjs`), 'utf8').includes(text))
  for (const command of ['ps', 'logs', 'wait', 'port']) assert.deepEqual(held(command), [], command)
  assert.equal(held('run').length, 3)
})

test('the built program calls a CRI runtime without a library for gRPC, and without sockets, streams or cryptography of Node', () => {
  const loaded = builtinsOf('cri', '-r', '/nowhere/cri.sock', 'ps')
  assert.deepEqual(loaded.filter((name) => /^(net|stream|internal\/streams\/.*|tls|http2|http|https|crypto|zlib|worker_threads|internal\/http2\/.*)$/.test(name)), [])
})

test('the clean-up is started with the flags of any short command', () => {
  const script = readFileSync(join(root, 'bin/scow'), 'utf8')
  const [, always] = /^flags=(.*)$/m.exec(script) ?? []
  const [, short] = /\*\) flags="\$flags (.*)" ;;/.exec(script) ?? []
  assert.deepEqual([...short!.split(' '), always], NODE_FLAGS)
})
