// Starts the program with what it was compiled to in earlier runs. This file and what it imports are compiled anew at
// each start, so nothing is here that can be kept.
import { join } from 'node:path'
import { makeChunkLoader } from './load-chunk.ts'
import { distDir, workerFile } from './paths.ts'

type Dispatch = typeof import('./dispatch.ts')

const FAILED = 125
// What containers see of the files that are made for them must not hang on the caller's shell.
process.umask(0o022)

const isBundled = workerFile('main.ts').startsWith(distDir)

async function main(): Promise<number> {
  const words = process.argv.slice(2)
  // a path that the bundler cannot follow
  if (!isBundled) return (await import(workerFile('dispatch.ts')) as Dispatch).dispatch(words)
  const load = makeChunkLoader({ distDir, cacheDir: join(cacheDir(), 'code'), require })
  return (load('./dispatch.cjs') as Dispatch).dispatch(words, load)
}

// The environment is read here besides environment.ts because compiled code is found before anything else is loaded.
const cacheDir = (): string => (process.getuid?.() === 0 ? '/var/cache/scow' : join(process.env['XDG_CACHE_HOME'] || join(process.getBuiltinModule('node:os').homedir(), '.cache'), 'scow'))

// Where the addon was loaded, process.exit ends by _exit after the handlers of 'exit': endWith of sys/addon.ts says why.
main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`Error: internal error: ${error instanceof Error ? error.stack : String(error)}\n`)
    process.exit(FAILED)
  },
)
