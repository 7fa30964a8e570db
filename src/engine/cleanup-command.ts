import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../errors.ts'
import { makeDir } from '../fs/remove-tree.ts'
import { writeFileAtomic } from '../fs/write-atomic.ts'
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
  const built = statSync(source, { throwIfNoEntry: false })
  if (!built) throw new Failure('unsupported', `the exit program ${source} is missing`, { hint: 'build it with "npm run build"' })
  // Named by what tells one build from another without reading it at every start.
  const known = join(paths.programs, `scow-exit-${built.size.toString(36)}-${Math.round(built.mtimeMs).toString(36)}`)
  // A power cut or a full disk may have left a part of it, and no container would notice before its end.
  if (statSync(known, { throwIfNoEntry: false })?.size === built.size) return known
  makeDir(paths.programs, 0o755)
  writeFileAtomic(known, readFileSync(source), { mode: 0o755 })
  return known
}
