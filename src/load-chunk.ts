// Loads a bundle of dist/ together with what its functions were compiled to in earlier runs. Node's own compile cache
// keeps only what is compiled while a file loads; the functions that a command then calls would be compiled anew at
// each start, which was a quarter of the cpu time of `run`.
import { closeSync, fstatSync, openSync, readFileSync, readSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { Script } from 'node:vm'

/** The engine takes code as it is: what is damaged ends the process. So only whole files of this boot are believed: a
 * power cut may leave others. */
const HEADER_BYTES = 256
/** Functions that only some calls of a command need are added by the first runs, then ever more seldom: so old is what a further one adds to. */
const SAVE_AGAIN_MS = [0, 0, 0, 0, 10_000, 60_000, 600_000, 3600_000]
const SAVE_OLD_MS = 24 * 3600_000
/** A long run has dropped code that it no longer needed. */
const LONG_RUN_SECONDS = 10

export interface ChunkLoader {
  readonly distDir: string
  /** Made when missing; belongs to this user alone. */
  readonly cacheDir: string
  /** For what is no bundle: modules of Node. */
  readonly require: (name: string) => unknown
}

const BEFORE = '(function (exports, require, module, __filename, __dirname) {'

type Wrapper = (exports: unknown, require: (name: string) => unknown, module: { exports: unknown }, filename: string, dirname: string) => void

/** A `require` of the bundles in `distDir`, such as `./command-system-version.cjs`, and of Node's modules. */
export function makeChunkLoader({ distDir, cacheDir, require }: ChunkLoader): (name: string) => unknown {
  const loaded = new Map<string, { exports: unknown }>()
  const load = (name: string): unknown => {
    const known = loaded.get(name)
    if (known) return known.exports
    const isBundle = name.startsWith('./')
    // Of Node's too: a bundle asks for the file system a hundred times, and Node's own way there takes long.
    const module: { exports: unknown } = { exports: isBundle ? {} : require(name) }
    loaded.set(name, module)
    if (!isBundle) return module.exports
    const file = join(distDir, name)
    compile(file, cacheDir).call(module.exports, module.exports, load, module, file, distDir)
    return module.exports
  }
  return load
}

function compile(file: string, cacheDir: string): Wrapper {
  const { size, mtimeMs } = statSync(file)
  const cacheFile = join(cacheDir, `${basename(file)}.${hash(file)}`)
  const key = `scow-code 1 ${process.version} ${process.arch} ${size} ${mtimeMs} ${bootId()} `
  const cached = readCache(cacheFile, key)
  const script = new Script(`${BEFORE}${readFileSync(file, 'latin1')}\n})`,
    { filename: file, columnOffset: -BEFORE.length, ...(cached ? { cachedData: cached.code } : {}) })
  const saves = cached && !script.cachedDataRejected ? cached.saves : 0
  if (saves === 0 || Date.now() - cached!.savedAtMs >= (SAVE_AGAIN_MS[saves] ?? SAVE_OLD_MS)) {
    void import('./save-code.ts').then(({ saveCode }) => process.on('exit', () => {
      if (saves === 0 || process.uptime() < LONG_RUN_SECONDS) saveCode(cacheFile, Buffer.concat([Buffer.from(`${key}${saves + 1}\n`.padEnd(HEADER_BYTES), 'latin1'), script.createCachedData()]))
    }))
  }
  return script.runInThisContext() as Wrapper
}

interface Cached { readonly code: Buffer; readonly saves: number; readonly savedAtMs: number }

/** Undefined where there is none, or none that fits. */
function readCache(path: string, key: string): Cached | undefined {
  let fd: number | undefined
  try {
    fd = openSync(path, 'r')
    const { uid, mode, size, mtimeMs } = fstatSync(fd)
    if (uid !== process.getuid?.() || (mode & 0o022) !== 0 || size <= HEADER_BYTES) return undefined
    const bytes = Buffer.allocUnsafeSlow(size)
    if (readSync(fd, bytes, 0, size, 0) !== size) return undefined
    const header = bytes.toString('latin1', 0, HEADER_BYTES)
    if (!header.startsWith(key)) return undefined
    return { code: bytes.subarray(HEADER_BYTES), saves: Number.parseInt(header.slice(key.length), 10), savedAtMs: mtimeMs }
  } catch {
    return undefined // it only makes this start slower
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

const bootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()

/** Tells installations apart (FNV-1a): the header has what the file must be. */
function hash(text: string): string {
  let value = 0x811c9dc5
  for (let index = 0; index < text.length; index++) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193)
  return (value >>> 0).toString(16)
}
