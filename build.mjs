// Builds dist/: the C parts, the addon, and one CJS chunk per entry point.
import { buildDemoImage } from './.ci/demo-image.mjs'
import { execFileSync } from 'node:child_process'
import { existsSync, globSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { SourceMap } from 'node:module'
import { basename, dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(fileURLToPath(import.meta.url))
const dist = join(root, 'dist')
mkdirSync(dist, { recursive: true })

const run = (file, args) => execFileSync(file, args, { cwd: root, stdio: 'inherit' })

function buildAddon() {
  const headers = [`node_modules/node-linux-${process.arch}/include/node`, join(dirname(process.execPath), '../include/node')]
    .map((path) => join(root, path)).find(existsSync) ?? '/usr/include/node'
  run('gcc', ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-Werror', '-fPIC', '-shared', '-fstack-protector-strong', '-pthread',
    `-I${headers}`, '-o', join(dist, 'scow.node'), ...globSync('src/sys/*.c', { cwd: root })])
}

/** Messages, services and clients of the CRI; made anew when the description or the generator is newer. */
function generateProto() {
  const [source, out] = ['proto/runtime-v1.proto', 'src/cri/wire/generated']
  const age = (path) => (existsSync(join(root, path)) ? statSync(join(root, path)).mtimeMs : 0)
  if (age(`${out}/runtime-v1.ts`) > Math.max(age(source), age('package-lock.json'))) return
  const opt = ['outputServices=grpc-js', 'esModuleInterop=true', 'forceLong=bigint', 'enumsAsLiterals=true', 'outputJsonMethods=false', 'env=node', 'importSuffix=.ts', 'outputIndex=false']
  mkdirSync(join(root, out), { recursive: true })
  run('protoc', ['--plugin=protoc-gen-ts_proto=node_modules/.bin/protoc-gen-ts_proto', '-Iproto', `--ts_proto_out=${out}`, `--ts_proto_opt=${opt.join(',')}`, source])
}

/** What one command's chunk holds: its spec, and the start that all share. */
const chunkSource = (file) => `
import { startCommand } from './src/commands/start.ts'
import { spec } from './src/commands/${file}.ts'
export const start = (call) => startCommand(spec, call)
`

/** Entry points that are no files: one for each command of the table. */
const commandChunks = {
  name: 'command-chunks',
  setup(build) {
    build.onResolve({ filter: /^command:/ }, ({ path }) => ({ path: path.slice('command:'.length), namespace: 'command' }))
    build.onLoad({ filter: /.*/, namespace: 'command' }, ({ path }) => ({ contents: chunkSource(path), loader: 'ts', resolveDir: root }))
  },
}

/** Modules of Node that cost a start some tenths of a millisecond up to four: loaded when something of theirs is first used. */
const LAZY = ['child_process', 'crypto', 'dgram', 'events', 'fs/promises', 'http', 'https', 'net', 'os', 'readline', 'stream', 'timers/promises', 'util', 'worker_threads', 'zlib']

const lazyModules = {
  name: 'lazy-modules',
  setup(build) {
    const names = new RegExp(`^(node:)?(${LAZY.join('|')})$`)
    // Packages may want more of a module than its names: only commander, which loads child_process and does not use it.
    build.onResolve({ filter: names }, ({ path, importer, namespace }) =>
      (namespace === 'lazy' || (importer.includes('/node_modules/') && !importer.includes('/commander/')) ? undefined : { path: path.replace('node:', ''), namespace: 'lazy' }))
    build.onLoad({ filter: /.*/, namespace: 'lazy' }, async ({ path }) => {
      const keys = Object.keys(await import(`node:${path}`)).filter((key) => key !== 'default')
      return { contents: `for (const key of ${JSON.stringify(keys)}) Object.defineProperty(exports, key, { enumerable: true, get: () => require('node:${path}')[key] })` }
    })
  },
}

/** What many chunks need whole. None holds state. */
const SHARED = ['cri/wire/generated/runtime-v1']
/** What few calls need and many chunks would carry: a chunk's code cache is read whole at each start. None holds state that the rest shares. */
const RARE = [
  'save-code', 'engine/pull-image', 'engine/open-registry', 'engine/host-info', 'engine/collect-garbage', 'engine/apparmor-profile', 'yaml', 'cli/template/template', 'cli/help',
  'commands/remote/open-remote', 'commands/remote/permit', 'cri/client/containerd-store', 'monitor/log-journal', 'network/network-status', 'network/own-networks', 'network/collect-garbage',
  'storage/ingest', 'storage/unpackers', 'storage/vfs', 'storage/idmap',
]
/** Parts of the engine that most commands never open, with the commands that do in each call: these have them in their own chunks, the others load them as they do the rare ones. */
const PARTS = {
  'storage/storage': ['container/run', 'container/create', 'container/start', 'container/restart', 'container/stop', 'container/rm', 'container/cleanup', 'image/pull', 'image/load', 'system/serve'],
  'engine/make-networks': ['container/run', 'container/start', 'container/restart', 'container/stop', 'container/rm', 'container/cleanup', 'network/create', 'network/ls', 'network/rm', 'system/serve'],
  'engine/make-runtime': ['container/run', 'container/create', 'container/start', 'container/restart', 'container/stop', 'container/rm', 'container/cleanup', 'container/exec', 'container/kill', 'container/pause', 'container/unpause', 'system/serve'],
}
const rareName = (source) => `rare-${source.replaceAll('/', '-')}`
const sharedName = (source) => `shared-${basename(source)}`

const ownChunks = (rare) => ({
  name: 'own-chunks',
  setup(build) {
    build.onResolve({ filter: /^\.\.?\// }, ({ path, resolveDir, kind }) => {
      const source = relative(join(root, 'src'), join(resolveDir, path)).replace(/\.ts$/, '')
      if (kind !== 'entry-point' && SHARED.includes(source)) return { path: `./${sharedName(source)}.cjs`, external: true }
      return kind === 'dynamic-import' && rare.includes(source) ? { path: `./${rareName(source)}.cjs`, external: true } : undefined
    })
  },
})

/** The program calls through src/cri/client/grpc; the generated clients are for tests, and would load a library at each start. */
const unusedClients = {
  name: 'unused-clients',
  setup(build) {
    build.onResolve({ filter: /^@grpc\/grpc-js$/ }, ({ importer }) => (importer.includes('/wire/generated/') ? { path: 'unused', namespace: 'unused-clients' } : undefined))
    build.onLoad({ filter: /.*/, namespace: 'unused-clients' }, () => ({ contents: 'export const makeGenericClientConstructor = () => undefined' }))
  },
}

/** What to build, by which parts are in the chunks themselves. */
async function bundleOptions() {
  const { MOUNTS, chunkName } = await import('./src/commands/table.ts')
  const workers = globSync('src/**/*-worker.ts', { cwd: root })
  const parts = Object.keys(PARTS)
  const entries = [
    ...['src/main.ts', 'src/dispatch.ts', 'src/engine.ts', ...workers].filter((path) => existsSync(join(root, path))).map((path) => ({ in: path, out: basename(path, '.ts'), has: parts })),
    ...SHARED.map((source) => ({ in: `src/${source}.ts`, out: sharedName(source), has: parts })),
    ...[...RARE, ...parts].map((source) => ({ in: `src/${source}.ts`, out: rareName(source), has: parts })),
    ...MOUNTS.map(({ file }) => ({ in: `command:${file}`, out: chunkName(file), has: parts.filter((part) => PARTS[part].includes(file)) })),
  ]
  const common = {
    absWorkingDir: root, outdir: dist, outExtension: { '.js': '.cjs' }, bundle: true, platform: 'node', format: 'cjs', target: 'node24',
    define: { 'import.meta.dirname': '__dirname' }, logLevel: 'warning', legalComments: 'none', minify: true,
    supported: { 'dynamic-import': false }, // require: the loader of modules costs 3 ms
  }
  return [...Map.groupBy(entries, ({ has }) => has.join()).values()].map((group) => ({
    ...common, entryPoints: group.map(({ in: path, out }) => ({ in: path, out })),
    plugins: [commandChunks, ownChunks([...RARE, ...parts.filter((part) => !group[0].has.includes(part))]), unusedClients, lazyModules],
  }))
}

async function bundle() {
  const { build } = await import('esbuild')
  const built = await Promise.all((await bundleOptions()).map((options) => build({ ...options, metafile: true })))
  const made = new Set(built.flatMap(({ metafile }) => Object.keys(metafile.outputs)).map((path) => basename(path)))
  for (const name of readdirSync(dist)) if (name.endsWith('.cjs') && !made.has(name)) rmSync(join(dist, name)) // of a command that is no more
}

/** Bundles have short names: says where the places of a stack on the standard input are in src/, for bundles made from the same sources. */
async function readStack() {
  const { build } = await import('esbuild')
  const stack = readFileSync(0, 'utf8')
  const built = await Promise.all((await bundleOptions()).map((options) => {
    const entryPoints = options.entryPoints.filter(({ out }) => stack.includes(`${out}.cjs:`))
    return build({ ...options, entryPoints, write: false, sourcemap: 'external', sourcesContent: false })
  }))
  const maps = new Map(built.flatMap(({ outputFiles }) => outputFiles).filter(({ path }) => path.endsWith('.map')).map(({ path, text }) => [basename(path, '.map'), new SourceMap(JSON.parse(text))]))
  process.stdout.write(stack.replace(/[^\s()]*?([\w.-]+\.cjs):(\d+):(\d+)/g, (place, file, line, column) => {
    const { name, fileName, lineNumber, columnNumber } = maps.get(file)?.findOrigin(Number(line), Number(column)) ?? {}
    return fileName ? `${relative(root, join(dist, fileName))}:${lineNumber}:${columnNumber}${name ? ` ${name}` : ''}` : place
  }))
}

if (process.argv[2] === 'stack') {
  await readStack()
  process.exit()
}
const parts = new Set(process.argv.slice(2))
const wanted = (part) => parts.size === 0 || parts.has(part)
if (wanted('conmon') && readdirSync(join(root, 'conmon')).includes('Makefile')) run('make', ['-s', '-C', 'conmon', `OUT=${dist}`])
if (wanted('addon') && existsSync(join(root, 'src/sys/addon.c'))) buildAddon()
if (wanted('proto') || wanted('js')) generateProto()
if (wanted('js')) await bundle()
if (wanted('demo')) buildDemoImage(root, join(dist, 'demo-image'))
