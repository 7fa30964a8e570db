import { chmodSync, chownSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../errors.ts'
import { makeDir, removeTree } from '../fs/remove-tree.ts'
import type { ResolvedMount } from '../spec/mounts.ts'
import type { Engine } from './engine.ts'

/** A mount that shows `lower` and may be written: `lower` stays as it is, and what is written lasts until the next start. @throws invalid for what is no directory */
export function writableOver(engine: Pick<Engine, 'paths'>, { id, index, lower, target }: { id: string; index: number; lower: string; target: string }): ResolvedMount {
  const stats = statSync(lower)
  if (!stats.isDirectory()) throw new Failure('invalid', `cannot mount ${lower} on ${target}: only a directory can be an overlay (O)`)
  const dir = join(engine.paths.container(id).dir, 'overlays', String(index))
  const [upper, work] = [join(dir, 'upper'), join(dir, 'work')]
  removeTree(dir)
  for (const path of [dir, upper, work]) makeDir(path, 0o700)
  // the mount shows the upper directory's own
  chownSync(upper, stats.uid, stats.gid)
  chmodSync(upper, stats.mode & 0o7777)
  return { type: 'overlay', target, options: [`lowerdir=${escaped(lower)}`, `upperdir=${escaped(upper)}`, `workdir=${escaped(work)}`] }
}

/** As overlayfs reads its options. */
const escaped = (path: string): string => path.replace(/[\\:,]/g, '\\$&')
