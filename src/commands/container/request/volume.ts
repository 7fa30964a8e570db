// -v [SOURCE:]TARGET[:OPTIONS] and --tmpfs PATH[:OPTIONS].
import { posix } from 'node:path'
import { parseSize } from '../../../cli/value.ts'
import type { Failure } from '../../../errors.ts'
import type { BindMount, MountRequest, TmpfsMount, VolumeMount } from '../../../spec/request.ts'
import { isMountFlag, isPropagation, parseIdmap, refuseContradictions } from './mount-options.ts'
import { invalid } from './words.ts'

const VOLUME_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/

/** @throws Failure invalid */
export function parseVolume(text: string, { cwd, flag = '-v' }: { cwd: string; flag?: string }): MountRequest {
  const wrong = (why: string): Failure => invalid(flag, text, why)
  const parts = text.split(':')
  if (parts.length > 3) throw wrong('expected [SOURCE:]TARGET[:OPTIONS]')
  const [source, target, options] = parts.length === 1 ? [undefined, parts[0]!] : [parts[0]!, parts[1]!, parts[2]]
  if (source === '') throw wrong('the source is empty')
  const place = readTarget(target, wrong)
  const words = options?.split(',') ?? []
  if (words.includes('')) throw wrong('an option is empty')
  if (words.filter((word) => word === 'copy' || word === 'nocopy').length > 1) throw wrong('copy and nocopy may be given once')
  refuseContradictions(words, wrong)
  const isPath = source !== undefined && /^[./~]/.test(source)
  if (isPath) return bind(posix.resolve(cwd, source), place, { words, wrong })
  if (source !== undefined && !VOLUME_NAME.test(source)) throw wrong(`"${source}" is neither a path (it has no leading / or ./) nor a volume's name ([a-zA-Z0-9][a-zA-Z0-9_.-]*)`)
  return volume(source, place, { words, wrong })
}

export function readTarget(target: string, wrong: (why: string) => Failure): string {
  if (target === '') throw wrong('the path inside the container is empty')
  if (!target.startsWith('/')) throw wrong(`the path inside the container must be absolute, not "${target}"`)
  const clean = posix.normalize(target)
  if (clean === '/') throw wrong('nothing can be mounted over / of the container')
  return clean.length > 1 && clean.endsWith('/') ? clean.slice(0, -1) : clean
}

interface Words { readonly words: readonly string[]; readonly wrong: (why: string) => Failure }
type Draft<T> = { -readonly [K in keyof T]: T[K] }

function common(mount: Draft<BindMount> | Draft<VolumeMount>, word: string): boolean {
  if (word === 'ro' || word === 'readonly') mount.readOnly = true
  else if (word === 'rw') mount.readOnly = false
  else if (word === 'rro') { mount.readOnly = true; mount.recursiveReadOnly = true }
  else if (word === 'z') mount.relabel = 'shared'
  else if (word === 'Z') mount.relabel = 'private'
  else if (word === 'U') mount.chown = true
  else if (word === 'O') mount.overlay = true
  else if (isPropagation(word)) mount.propagation = word
  else if (isMountFlag(word)) mount.options = [...(mount.options ?? []), word]
  else return false
  return true
}

/** Of binds: docker's on a Mac, and what is for volumes. */
const IDLE: readonly string[] = ['cached', 'delegated', 'consistent', 'copy', 'nocopy']

function bind(source: string, target: string, { words, wrong }: Words): BindMount {
  const mount: Draft<BindMount> = { type: 'bind', source, target }
  for (const word of words) {
    if (common(mount, word) || word === 'rbind' || IDLE.includes(word)) continue
    if (word === 'bind') mount.nonRecursive = true
    else if (word === 'idmap' || word.startsWith('idmap=')) mount.idmap = parseIdmap(word.slice('idmap='.length), wrong)
    else throw wrong(`unknown option "${word}"`)
  }
  return mount
}

function volume(name: string | undefined, target: string, { words, wrong }: Words): VolumeMount {
  const mount: Draft<VolumeMount> = { type: 'volume', target, ...(name === undefined ? {} : { name }) }
  for (const word of words) {
    if (common(mount, word) || word === 'copy') continue
    if (word === 'nocopy') mount.noCopy = true
    else throw wrong(`unknown option "${word}"`)
  }
  return mount
}

/** @throws Failure invalid */
export function parseTmpfs(text: string): TmpfsMount {
  const wrong = (why: string): Failure => invalid('--tmpfs', text, why)
  const colon = text.indexOf(':')
  const target = readTarget(colon < 0 ? text : text.slice(0, colon), wrong)
  const words = colon < 0 || colon === text.length - 1 ? [] : text.slice(colon + 1).split(',')
  refuseContradictions(words, wrong)
  const mount: Draft<TmpfsMount> = { type: 'tmpfs', target }
  for (const word of words) tmpfsOption(mount, word, wrong)
  return mount
}

export function tmpfsOption(mount: Draft<TmpfsMount>, word: string, wrong: (why: string) => Failure): void {
  const [name, value = ''] = word.split('=', 2) as [string, string?]
  switch (name) {
    case 'ro': mount.readOnly = true; return
    case 'rw': mount.readOnly = false; return
    case 'tmpcopyup': case 'copyup': mount.copyUp = true; return
    case 'notmpcopyup': mount.copyUp = false; return
    case 'mode': case 'tmpfs-mode':
      if (!/^[0-7]{1,5}$/.test(value)) throw wrong(`mode "${value}" is not octal`)
      mount.mode = Number.parseInt(value, 8)
      return
    case 'size': case 'tmpfs-size':
      try {
        mount.sizeBytes = value.endsWith('%') ? undefined as never : parseSize(value)
        if (value.endsWith('%')) { delete (mount as { sizeBytes?: number }).sizeBytes; mount.options = [...(mount.options ?? []), word] }
      } catch (error) { throw wrong(`size "${value}": ${(error as Error).message}`) }
      return
    default:
      if (!isMountFlag(name) && !/^(uid|gid|nr_inodes|nr_blocks|huge|mpol)$/.test(name) && !isPropagation(name)) throw wrong(`unknown option "${word}"`)
      mount.options = [...(mount.options ?? []), word]
  }
}
