// Builds dist/: the C parts, the addon, and one CJS chunk per entry point.
import { execFileSync } from 'node:child_process'
import { existsSync, globSync, mkdirSync, readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
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

async function bundle() {
  const { build } = await import('esbuild')
  const workers = globSync('src/**/*-worker.ts', { cwd: root })
  await build({
    absWorkingDir: root,
    entryPoints: ['src/main.ts', 'src/engine.ts', ...workers].filter((path) => existsSync(join(root, path)))
      .map((path) => ({ in: path, out: basename(path, '.ts') })),
    outdir: dist, outExtension: { '.js': '.cjs' }, bundle: true, platform: 'node', format: 'cjs', target: 'node24',
    define: { 'import.meta.dirname': '__dirname' }, logLevel: 'warning', legalComments: 'none',
  })
}

const parts = new Set(process.argv.slice(2))
const wanted = (part) => parts.size === 0 || parts.has(part)
if (wanted('conmon') && readdirSync(join(root, 'conmon')).includes('Makefile')) run('make', ['-s', '-C', 'conmon', `OUT=${dist}`])
if (wanted('addon') && existsSync(join(root, 'src/sys/addon.c'))) buildAddon()
if (wanted('js')) await bundle()
