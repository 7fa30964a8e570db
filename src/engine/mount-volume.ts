// Volumes made with -o type, device and o are mounts. Each container that uses one has it mounted below its run root, which
// is unmounted with the run whoever does that. Those in memory are shared while somebody has them.
import { join } from 'node:path'
import { Failure } from '../errors.ts'
import { mountsBelow } from '../fs/mounts.ts'
import { makeDir } from '../fs/remove-tree.ts'
import { runProgram } from '../process/run-program.ts'
import type { Container } from '../state/containers.ts'
import type { VolumeRecord } from '../state/volumes.ts'
import type { Engine } from './engine.ts'
import { lockVolumes } from './make-volume.ts'

type Parts = Pick<Engine, 'config' | 'paths' | 'state' | 'self'>

const DEADLINE_MS = 5 * 60_000
const IN_MEMORY = /^(tmpfs|ramfs)$/

export const isMountVolume = ({ options }: VolumeRecord): boolean => Boolean(options['device'])

/** @returns where it is mounted @throws unavailable, with mount's own words */
export async function mountVolume(engine: Parts, volume: VolumeRecord, { id }: Pick<Container, 'id'>): Promise<string> {
  const { name, options: { type = '', device = '', o = '' } } = volume
  const target = join(engine.paths.container(id).run, 'volumes', name)
  makeDir(target, 0o755)
  if (!IN_MEMORY.test(type)) return mountOn(target, { name, words: [...(type === 'bind' || type === 'none' ? ['-o', 'bind'] : type ? ['-t', type] : []), ...(o ? ['-o', o] : []), '--', device] })
  using _ = await lockVolumes(engine)
  const held = mountsBelow(join(engine.paths.runRoot, 'containers')).find((path) => path.endsWith(`/volumes/${name}`) && path !== target)
  return mountOn(target, { name, words: held === undefined ? ['-t', type, ...(o ? ['-o', o] : []), '--', device] : ['--bind', '--', held] })
}

async function mountOn(target: string, { name, words }: { name: string; words: readonly string[] }): Promise<string> {
  const { code, stderr } = await runProgram('mount', [...words, target], { timeoutMs: DEADLINE_MS })
  if (code !== 0) throw new Failure('unavailable', `cannot mount volume ${name}: ${stderr.toString().trim().split('\n')[0]}`, { hint: `look at its options: scow volume inspect ${name}` })
  return target
}
