// Volumes made with -o type, device and o are mounts. Each container that uses one has it mounted below its run root, which
// is unmounted with the run whoever does that. Those in memory are shared while somebody has them.
import { join } from 'node:path'
import { Failure } from '../errors.ts'
import { mountsBelow, unmountTree } from '../fs/mounts.ts'
import { makeDir, removeTree } from '../fs/remove-tree.ts'
import { runProgram } from '../process/run-program.ts'
import type { Container } from '../state/containers.ts'
import type { VolumeRecord } from '../state/volumes.ts'
import type { Engine } from './engine.ts'
import { lockVolumes, volumeDir } from './make-volume.ts'

type Parts = Pick<Engine, 'config' | 'paths' | 'state' | 'self'>

const DEADLINE_MS = 5 * 60_000
const IN_MEMORY = /^(tmpfs|ramfs)$/

const isMountVolume = ({ options }: VolumeRecord): boolean => Boolean(options['device'])

/** Where its files are: one with a device is mounted there, for this container. @throws unavailable, with mount's own words */
export const volumeFiles = async (engine: Parts, volume: VolumeRecord, container: Pick<Container, 'id'>): Promise<string> =>
  isMountVolume(volume) ? mountVolume(engine, volume, container) : volume.mountpoint || volumeDir(engine, volume.name)

/** Of a container that does not run; idempotent. */
export async function unmountVolumes(engine: Pick<Engine, 'paths'>, container: Pick<Container, 'id'>): Promise<void> {
  const folder = folderOf(engine, container)
  await unmountTree(folder)
  removeTree(folder)
}

const folderOf = ({ paths }: Pick<Engine, 'paths'>, { id }: Pick<Container, 'id'>): string => join(paths.container(id).run, 'volumes')

async function mountVolume(engine: Parts, volume: VolumeRecord, container: Pick<Container, 'id'>): Promise<string> {
  const { name, options: { type = '', device = '', o = '' } } = volume
  const target = join(folderOf(engine, container), name)
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
