import { accessSync, constants } from 'node:fs'
import type { Config } from '../config.ts'
import { Failure } from '../errors.ts'
import type { MonitorProgram } from '../monitor/launch.ts'
import { builtFile } from '../paths.ts'

/** The monitor program: the first of the configured paths that can be executed; ours comes first. @throws unsupported */
export function findMonitor({ engine }: Config): MonitorProgram {
  const path = engine.conmonPaths.find((candidate) => {
    try { accessSync(candidate, constants.X_OK); return true } catch { return false }
  })
  if (path) return { path, ours: path === builtFile('conmon') }
  throw new Failure('unsupported', `no container monitor (conmon) found in ${engine.conmonPaths.join(', ')}`, { hint: 'build it with "npm run build", or install conmon and name it with --conmon' })
}
