// The files that a spec may draw on: hooks.d, CDI specifications, seccomp profiles. Checked here, at the border.
import { readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Config } from '../config.ts'
import { Failure, reasonOf } from '../errors.ts'
import { readFileBounded } from '../fs/read-in-root.ts'
import { log } from '../log.ts'
import type { CdiSpec } from '../spec/cdi.ts'
import type { HookFile } from '../spec/hooks.ts'
import type { DeviceRequest } from '../spec/request.ts'
import type { SeccompProfile } from '../spec/seccomp.ts'
import { isCdiName } from './device-nodes.ts'

const MAX_BYTES = 2 ** 20

/** Hooks of all directories; a file of a later directory replaces one of the same name. Loaded only where there are any. */
export async function loadHooks({ engine }: Config, dirs: readonly string[] = engine.hooksDirs): Promise<HookFile[]> {
  const files = new Map(dirs.flatMap((dir) => filesIn(dir, ['.json'])).map((path) => [basename(path), path]))
  if (files.size === 0) return []
  const { parseHookFile } = await import('../spec/hooks.ts')
  return [...files.values()].sort((a, b) => (basename(a) < basename(b) ? -1 : 1)).map((path) => parseHookFile(readJson(path), path))
}

/** CDI specifications, only read where a device asks for one. A broken file is warned of and left out. */
export async function loadCdi({ engine }: Config, devices: readonly DeviceRequest[]): Promise<CdiSpec[]> {
  if (!devices.some(({ source }) => isCdiName(source))) return []
  const { parseCdiSpec } = await import('../spec/cdi.ts')
  const { parseYaml } = await import('../yaml.ts')
  return engine.cdiDirs.flatMap((dir) => filesIn(dir, ['.json', '.yaml', '.yml'])).flatMap((path) => {
    try {
      return [parseCdiSpec(parseYaml(readFileBounded(path, MAX_BYTES).toString('utf8'), path), path)]
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      log.warn(error.message)
      return []
    }
  })
}

/** The profile of --security-opt seccomp=FILE or of the configuration; undefined: the built-in one, or none. */
export async function loadSeccomp({ containers }: Config, wanted: 'unconfined' | { readonly path: string } | undefined): Promise<SeccompProfile | undefined> {
  if (wanted === 'unconfined') return undefined
  const path = wanted?.path ?? containers.seccompProfile
  if (!path) return undefined
  const { parseSeccompProfile } = await import('../spec/seccomp.ts')
  return parseSeccompProfile(readJson(path), path)
}

const filesIn = (dir: string, endings: readonly string[]): string[] => {
  try {
    return readdirSync(dir).filter((name) => endings.some((ending) => name.endsWith(ending))).sort().map((name) => join(dir, name))
  } catch {
    return []
  }
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileBounded(path, MAX_BYTES).toString('utf8'))
  } catch (error) {
    if (error instanceof Failure) throw error
    if (!(error instanceof SyntaxError)) throw new Failure('invalid', `cannot read ${path}: ${reasonOf(error)}`, { cause: error })
    throw new Failure('invalid', `${path}: not valid JSON: ${error.message}`, { cause: error, hint: 'correct the file' })
  }
}
