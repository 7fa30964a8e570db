import { Failure } from '../errors.ts'
import { runProgram } from '../process/run-program.ts'
import type { ContainerRequest } from '../spec/request.ts'
import { outside, type IdRange } from './tree-end.ts'

const DEADLINE_MS = 30 * 60_000
/** Giving these away would break the host. */
const SYSTEM = /^\/((bin|boot|dev|etc|home|lib\w*|media|mnt|opt|proc|root|run|sbin|srv|sys|tmp|usr|var)?$|(boot|dev|etc|proc|sys)\/|(usr|var)\/\w+$)/

interface Ids { readonly uid: number; readonly gid: number }

/** Of a user of the container, as the host counts. */
export function hostIds({ uid, gid }: Ids, idMappings: ContainerRequest['idMappings']): [uid: number, gid: number] {
  const ranges = (of: 'uids' | 'gids'): IdRange[] => idMappings?.[of].map(({ containerId, hostId, size }) => ({ inner: containerId, outer: hostId, length: size })) ?? []
  return [outside(ranges('uids'), uid), outside(ranges('gids'), gid)]
}

/** `U`: a source and all below it belongs to the container's user from now on; links are not followed. @throws denied, unavailable */
export async function giveToUser(source: string, user: Ids, idMappings: ContainerRequest['idMappings']): Promise<void> {
  if (SYSTEM.test(source)) throw new Failure('denied', `${source} is the system's: it is not given to the user of a container (U)`, { hint: 'chown it yourself, or mount a directory below it' })
  const owner = hostIds(user, idMappings).join(':')
  const { code, stderr } = await runProgram('chown', ['-R', '-h', owner, '--', source], { timeoutMs: DEADLINE_MS })
  if (code !== 0) throw new Failure('unavailable', `cannot give ${source} to ${owner}: ${stderr.toString().trim().split('\n')[0]}`)
}
