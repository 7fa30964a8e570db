import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../errors.ts'
import { builtFile } from '../paths.ts'
import type { Engine } from './engine.ts'

type Parts = Pick<Engine, 'config' | 'paths'>

/** As bin/scow has them for what is short. */
export const NODE_FLAGS = ['--v8-pool-size=0', '--min-semi-space-size=8', '--no-rehash-snapshot', '--no-verify-snapshot-checksum']

/**
 * argv of what the monitor starts at the container's end: the exit program, installed under the root so that an update
 * of scow cannot take it away from running containers. It queues the id and starts one Node for any number of ends.
 * `attended`: a foreground command cleans up itself; the program then only acts when that command is gone.
 */
export async function cleanupCommand(engine: Parts, { id, attended, delayMs }: { id: string; attended?: boolean; delayMs?: number }): Promise<string[]> {
  const { paths, config } = engine
  return [
    installExitProgram(engine),
    '--queue', paths.cleanupQueue, '--lock', join(paths.locks, 'cleanup'), '--id', delayMs === undefined ? id : `${id}.due`, '--log', join(paths.runRoot, 'cleanup.log'),
    ...(attended ? ['--attended', attendedFile(engine, id)] : []),
    ...(delayMs !== undefined ? ['--delay-ms', String(delayMs)] : []),
    '--', process.execPath, ...NODE_FLAGS, '--', builtFile('main.cjs'),
    '--root', paths.root, '--runroot', paths.runRoot, '--runtime', config.engine.runtime, '--cgroup-manager', config.engine.cgroupManager,
    'container', 'cleanup', '--queue',
  ]
}

/** Locked by a foreground command for as long as it means to clean up after the container itself. */
export const attendedFile = ({ paths }: Pick<Engine, 'paths'>, id: string): string => join(paths.locks, `${id}.attended`)

function installExitProgram({ paths }: Parts): string {
  const source = builtFile('scow-exit')
  let stamp: string
  try {
    const { size, mtimeMs } = statSync(source)
    stamp = `${size.toString(36)}-${Math.round(mtimeMs).toString(36)}`
  } catch (error) {
    throw new Failure('unsupported', `the exit program ${source} is missing`, { cause: error, hint: 'build it with "npm run build"' })
  }
  // Named by content; the stamp of the built file only spares hashing it at every start.
  const known = join(paths.programs, `scow-exit-${stamp}`)
  if (existsSync(known)) return known
  mkdirSync(paths.programs, { recursive: true, mode: 0o755 })
  const hash = process.getBuiltinModule('node:crypto').createHash('sha256').update(readFileSync(source)).digest('hex').slice(0, 16)
  const temporary = join(paths.programs, `.${hash}.${process.pid}`)
  copyFileSync(source, temporary)
  chmodSync(temporary, 0o755)
  renameSync(temporary, known)
  return known
}
