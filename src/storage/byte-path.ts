// Names in an image are bytes. They are carried as latin1 strings (one character per byte), which compare and split
// like any string, and become what fs understands only at the call.
import { Failure } from '../errors.ts'

export type BytePath = string

const BEYOND_ASCII = /[\x80-\xff]/

/** For a call of node:fs or the addon: a string where it means the same bytes, which is faster. */
export const systemPath = (path: BytePath): string | Buffer => (BEYOND_ASCII.test(path) ? Buffer.from(path, 'latin1') : path)

/** From an ordinary path of this program. */
export const bytePath = (path: string): BytePath => Buffer.from(path, 'utf8').toString('latin1')

/** As a person reads it, safe for a terminal and bounded. */
export const shownPath = (path: BytePath): string => {
  const text = Buffer.from(path, 'latin1').toString('utf8').replace(/[\x00-\x1f\x7f-\x9f]/g, '?')
  return text.length > 200 ? `${text.slice(0, 200)}...` : text
}

const ODD_COMPONENT = /(?:^|\/)\.{0,2}(?:\/|$)/

/** Name of a member as a relative path without empty or `.` components; '' is the root. Failure invalid for `..`. */
export function cleanName(name: string): BytePath {
  const bare = name.endsWith('/') ? name.slice(0, -1) : name
  const relative = bare.startsWith('./') ? bare.slice(2) : bare
  if (!ODD_COMPONENT.test(relative)) return relative
  const components = relative.split('/').filter((component) => component !== '' && component !== '.')
  if (components.includes('..')) throw new Failure('invalid', 'its name leads out of the layer by ".."')
  return components.join('/')
}

export const parentPath = (path: BytePath): BytePath => path.slice(0, Math.max(0, path.lastIndexOf('/')))

export const lastName = (path: BytePath): BytePath => path.slice(path.lastIndexOf('/') + 1)

export const joinPath = (parent: BytePath, name: BytePath): BytePath => (parent === '' ? name : `${parent}/${name}`)
