// The options that -v, --mount and --tmpfs share.
import type { Failure } from '../../../errors.ts'
import type { IdRange, Propagation } from '../../../spec/request.ts'

export const PROPAGATIONS: readonly Propagation[] = ['private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave', 'unbindable', 'runbindable']
export const isPropagation = (text: string): text is Propagation => (PROPAGATIONS as readonly string[]).includes(text)

/** Given to the mount as they are; of each pair at most one. */
export const FLAG_PAIRS: readonly (readonly [string, string])[] = [['suid', 'nosuid'], ['dev', 'nodev'], ['exec', 'noexec'], ['atime', 'noatime'], ['diratime', 'nodiratime'], ['relatime', 'norelatime'], ['sync', 'async']]
const FLAGS = new Set(FLAG_PAIRS.flat())
export const isMountFlag = (text: string): boolean => FLAGS.has(text)

/** `idmap=uids=0-1-10#10-11-10;gids=0-100-10`: container id, host id, size; `@` before the container id is relative, which needs a user namespace. */
export function parseIdmap(text: string, wrong: (why: string) => Failure): { uids?: IdRange[]; gids?: IdRange[] } {
  if (text === '') return {}
  const result: { uids?: IdRange[]; gids?: IdRange[] } = {}
  for (const part of text.split(';')) {
    const match = /^(uids|gids)=(.+)$/.exec(part)
    if (!match) throw wrong('an idmap looks like uids=0-1000-10;gids=0-1000-10')
    result[match[1] as 'uids' | 'gids'] = match[2]!.split('#').map((range) => {
      const numbers = /^(\d+)-(\d+)-(\d+)$/.exec(range)
      if (!numbers) throw wrong(`"${range}" is not CONTAINERID-HOSTID-SIZE`)
      return { containerId: Number(numbers[1]), hostId: Number(numbers[2]), size: Number(numbers[3]) }
    })
  }
  return result
}

/** Refuses `ro,rw`, `exec,noexec` and the like. */
export function refuseContradictions(options: readonly string[], wrong: (why: string) => Failure): void {
  for (const pair of [['ro', 'rw'], ['z', 'Z', 'O'], ['O', 'ro'], ['O', 'idmap'], ...FLAG_PAIRS]) {
    const both = pair.filter((option) => options.includes(option!))
    if (both.length > 1) throw wrong(`cannot have both ${both.join(' and ')}`)
  }
  const propagations = options.filter(isPropagation)
  if (propagations.length > 1) throw wrong(`more than one propagation: ${propagations.join(', ')}`)
}
