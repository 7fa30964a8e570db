// short-name-aliases.conf: what people answered when a short name could be in several registries.
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import * as v from 'valibot'
import { Failure } from '../errors.ts'
import { lockFile } from '../fs/lock.ts'
import { writeFileAtomic } from '../fs/write-atomic.ts'
import { checked } from '../image/checked.ts'
import { readSmallFile } from './read-small-file.ts'

const LOCK_MS = 10_000
const schema = v.looseObject({ aliases: v.optional(v.record(v.string(), v.string()), {}) })

export interface Alias {
  /** Without registry, tag and digest. */
  readonly name: string
  /** `registry/path` */
  readonly target: string
}

/** Adds or replaces one alias; the file is whole at any time. Failures invalid (a broken file), denied (not writable), timeout. */
export async function rememberAlias(path: string, { name, target }: Alias): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    using _lock = await lockFile(`${path}.lock`, { wait: LOCK_MS })
    const aliases = { ...await readAliases(path), [name]: target }
    // What JSON makes of these names is a string of TOML too.
    const lines = Object.entries(aliases).map(([key, value]) => `  ${JSON.stringify(key)} = ${JSON.stringify(value)}\n`)
    writeFileAtomic(path, `[aliases]\n${lines.join('')}`, { mode: 0o600 })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (error instanceof Failure || code === undefined) throw error
    throw new Failure('denied', `the alias "${name}" cannot be written to ${path} (${code})`, { cause: error })
  }
}

async function readAliases(path: string): Promise<Record<string, string>> {
  const bytes = await readSmallFile(path, path, { optional: true })
  if (bytes === undefined) return {}
  const { parseToml } = await import('../toml.ts')
  return checked(schema, parseToml(bytes.toString(), path), path).aliases
}
