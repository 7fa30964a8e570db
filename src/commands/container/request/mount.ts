// --mount type=TYPE,KEY=VALUE,...
import { posix } from 'node:path'
import type { Failure } from '../../../errors.ts'
import type { BindMount, ImageMount, MountRequest, TmpfsMount, VolumeMount } from '../../../spec/request.ts'
import { isMountFlag, isPropagation, parseIdmap } from './mount-options.ts'
import { readTarget, tmpfsOption } from './volume.ts'
import { invalid, readSwitch, splitCsv } from './words.ts'

type Draft<T> = { -readonly [K in keyof T]: T[K] }
interface Field { readonly name: string; readonly value: string | undefined; readonly text: string }
type Wrong = (why: string) => Failure
/** Takes a field into the mount; false when it does not know it. */
type Taker = (field: Field) => boolean

const TYPES = ['bind', 'volume', 'tmpfs', 'image', 'glob', 'devpts', 'mqueue', 'ramfs', 'artifact'] as const

/** @throws Failure invalid, unsupported */
export function parseMount(text: string, { cwd }: { cwd: string }): MountRequest {
  const wrong: Wrong = (why) => invalid('--mount', text, why)
  const fields = splitCsv(text).filter((part) => part !== '').map((part): Field => {
    const equals = part.indexOf('=')
    return equals < 0 ? { name: part, value: undefined, text: part } : { name: part.slice(0, equals), value: part.slice(equals + 1), text: part }
  })
  const type = fields.find(({ name }) => name === 'type')?.value ?? 'volume'
  if (!(TYPES as readonly string[]).includes(type)) throw wrong(`unknown type "${type}": use bind, volume, tmpfs, image, devpts or mqueue`)
  // Of several, the last counts.
  const isTarget = ({ name }: Field): boolean => name === 'target' || name === 'dst' || name === 'destination'
  const targetField = fields.findLast(isTarget)
  if (!targetField?.value) throw wrong('target (or dst) is missing')
  const rest = fields.filter((field) => field.name !== 'type' && !isTarget(field))
  const target = readTarget(targetField.value, wrong)
  switch (type) {
    case 'bind': return bind(target, rest, { cwd, wrong })
    case 'volume': return volume(target, rest, wrong)
    case 'tmpfs': case 'ramfs': return tmpfs(target, rest, wrong)
    case 'image': return image(target, rest, wrong)
    case 'devpts': case 'mqueue': return plain(type, target, { rest, wrong })
    default: throw wrong(`type "${type}" is not supported yet`)
  }
}

function take(rest: readonly Field[], takers: readonly Taker[], wrong: Wrong): void {
  for (const field of rest) {
    if (!takers.some((taker) => taker(field))) throw wrong(`unknown option "${field.text}"`)
  }
}

const access = (mount: { readOnly?: boolean; options?: readonly string[] }, wrong: Wrong): Taker => (field) => {
  const { name, value } = field
  const yes = () => readSwitch(value, () => wrong(`"${field.text}" is neither true nor false`))
  if (name === 'ro' || name === 'readonly') mount.readOnly = yes()
  else if (name === 'rw') mount.readOnly = !yes()
  else if (isMountFlag(name) && value === undefined) mount.options = [...(mount.options ?? []), name]
  else return false
  return true
}

const sharing = (mount: { propagation?: BindMount['propagation']; relabel?: BindMount['relabel']; chown?: boolean }, wrong: Wrong): Taker => (field) => {
  const { name, value } = field
  if (name === 'bind-propagation' || name === 'volume-propagation') {
    if (value === undefined || !isPropagation(value)) throw wrong(`unknown propagation "${value ?? ''}"`)
    mount.propagation = value
  } else if (isPropagation(name) && value === undefined) mount.propagation = name
  else if (name === 'relabel') {
    if (value !== 'shared' && value !== 'private') throw wrong(`relabel is shared or private, not "${value ?? ''}"`)
    mount.relabel = value
  } else if (name === 'z' || name === 'Z') mount.relabel = name === 'z' ? 'shared' : 'private'
  else if (name === 'U' || name === 'chown') mount.chown = readSwitch(value, () => wrong(`"${field.text}" is neither true nor false`))
  else return name === 'consistency'
  return true
}

function bind(target: string, rest: readonly Field[], { cwd, wrong }: { cwd: string; wrong: Wrong }): BindMount {
  const mount: Draft<BindMount> = { type: 'bind', source: '', target }
  const own: Taker = ({ name, value, text }) => {
    if (name === 'src' || name === 'source') mount.source = value ? posix.resolve(cwd, value) : ''
    else if (name === 'bind-nonrecursive') mount.nonRecursive = readSwitch(value, () => wrong(`"${text}" is neither true nor false`))
    else if (name === 'rro') { mount.readOnly = true; mount.recursiveReadOnly = true }
    else if (name === 'idmap') mount.idmap = parseIdmap(value ?? '', wrong)
    else return name === 'bind-recursive'
    return true
  }
  take(rest, [own, access(mount, wrong), sharing(mount, wrong)], wrong)
  if (mount.source === '') throw wrong('src (or source) is missing')
  return mount
}

function volume(target: string, rest: readonly Field[], wrong: Wrong): VolumeMount {
  const mount: Draft<VolumeMount> = { type: 'volume', target }
  const own: Taker = ({ name, value, text }) => {
    if (name === 'src' || name === 'source') { if (value) mount.name = value }
    else if (name === 'volume-nocopy' || name === 'nocopy') mount.noCopy = readSwitch(value, () => wrong(`"${text}" is neither true nor false`))
    else if (name === 'subpath' || name === 'volume-subpath') mount.subPath = value ?? ''
    else if (name === 'volume-opt') {
      const [, option, given] = /^([^=]+)(?:=(.*))?$/s.exec(value ?? '') ?? []
      if (option === undefined) throw wrong('volume-opt lacks an option: type=, device= or o=')
      mount.volumeOptions = { ...mount.volumeOptions, [option]: given ?? '' }
    } else if (name === 'volume-driver') {
      if (value !== 'local') throw wrong(`volume driver "${value ?? ''}" is not supported: only local is`)
    } else return false
    return true
  }
  take(rest, [own, access(mount, wrong), sharing(mount, wrong)], wrong)
  if (mount.name?.startsWith('/')) throw wrong('the source of a volume is a name: for a path use type=bind')
  return mount
}

function tmpfs(target: string, rest: readonly Field[], wrong: Wrong): TmpfsMount {
  const mount: Draft<TmpfsMount> = { type: 'tmpfs', target }
  const own: Taker = ({ name, value, text }) => {
    if (name === 'src' || name === 'source') throw wrong('a tmpfs has no source')
    if (name === 'U' || name === 'chown') mount.chown = readSwitch(value, () => wrong(`"${text}" is neither true nor false`))
    else tmpfsOption(mount, text, wrong)
    return true
  }
  take(rest, [access(mount, wrong), own], wrong)
  return mount
}

function image(target: string, rest: readonly Field[], wrong: Wrong): ImageMount {
  const mount: Draft<ImageMount> = { type: 'image', image: '', target }
  const own: Taker = ({ name, value, text }) => {
    if (name === 'src' || name === 'source') mount.image = value ?? ''
    else if (name === 'rw' || name === 'readwrite') mount.writable = readSwitch(value, () => wrong(`"${text}" is neither true nor false`))
    else if (name === 'subpath') mount.subPath = value ?? ''
    else return false
    return true
  }
  take(rest, [own], wrong)
  if (mount.image === '') throw wrong('src (or source), the image, is missing')
  return mount
}

function plain(type: 'devpts' | 'mqueue', target: string, { rest, wrong }: { rest: readonly Field[]; wrong: Wrong }): MountRequest {
  const mount: { type: 'devpts' | 'mqueue'; target: string; readOnly?: boolean; options?: readonly string[] } = { type, target }
  const own: Taker = ({ name, text }) => {
    if (!/^(uid|gid|mode|max)$/.test(name)) return false
    mount.options = [...(mount.options ?? []), text]
    return true
  }
  take(rest, [own, access(mount, wrong)], wrong)
  return mount as MountRequest
}
