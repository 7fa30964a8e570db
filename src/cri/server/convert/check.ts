// What of a message is refused before anything is made of it. Each throws `invalid`.
import { isAbsolute } from 'node:path'
import { Failure } from '../../../errors.ts'

/** The kernel ends every string there: what follows would be lost without a word. */
export function needNoNul(value: unknown, what: string): void {
  if (typeof value === 'string' && value.includes('\0')) throw new Failure('invalid', `${what} holds a NUL character`)
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return
  for (const [name, part] of Object.entries(value)) {
    needNoNul(name, `a name in ${what}`)
    needNoNul(part, Array.isArray(value) ? what : `${name} of ${what}`)
  }
}

/** Of an enum, as the generated code has it. */
export function needKnown<T extends number>(value: T, names: Readonly<Record<string, number>>, what: string): T {
  if (value < 0 || !Object.values(names).includes(value)) throw new Failure('invalid', `${what}: ${value} stands for nothing`)
  return value
}

/** A whole number from `least` to `most`. */
export function needWithin(value: number | bigint, [least, most]: readonly [number, number], what: string): number {
  if (value < least || value > most) throw new Failure('invalid', `${what} is ${value}: it must be ${least} to ${most}`)
  return Number(value)
}

const MAX_PATH_BYTES = 4095
const MAX_PART_BYTES = 255

/** A path that the kernel takes. */
export function needPath(path: string, what: string): string {
  if (Buffer.byteLength(path) > MAX_PATH_BYTES || path.split('/').some((part) => Buffer.byteLength(part) > MAX_PART_BYTES)) throw new Failure('invalid', `${what} is too long a path: ${JSON.stringify(`${path.slice(0, 60)}...`)}`)
  return path
}

export function needAbsolute(path: string, what: string): string {
  if (!isAbsolute(path)) throw new Failure('invalid', `${what} must be an absolute path: ${JSON.stringify(path.slice(0, 60))}`)
  return needPath(path, what)
}

/** One that leads nowhere up. */
export function needInner(path: string, what: string): string {
  if (path.split('/').includes('..')) throw new Failure('invalid', `${what} leads out of its folder: ${JSON.stringify(path.slice(0, 60))}`)
  return needPath(path, what)
}
