// Copies between trees by podman's rules of cp, whatever the trees are behind.
import { posix } from 'node:path'
import { Failure } from '../errors.ts'

export interface Received {
  /** Without an end mark where they come from another end. */
  readonly chunks: AsyncIterable<Uint8Array>
  /** An existing directory. */
  readonly dir: string
  /** Give what is made to the user of this end; else owners are as in the archive. */
  readonly chown: boolean
  readonly overwrite: boolean
}

/** A tree that files are copied from or to. Paths are absolute in it. */
export interface CopyEnd {
  /** For messages: `container web`, `this machine`. */
  readonly what: string
  /** Without a link at its end; `kind` undefined: there is nothing. `name`: what a copy is called where that is not the end of the path. */
  find(path: string): Promise<{ readonly path: string; readonly kind: 'directory' | 'other' | undefined; readonly name?: string }>
  /** Tar without end mark; `as` is the name of the top member, '' leaves out the top of a directory. */
  send(path: string, as: string): AsyncIterable<Uint8Array>
  receive(received: Received): Promise<void>
}

export interface CopyPlace { readonly end: CopyEnd; readonly path: string }

export interface CopyOptions { readonly chown: boolean; readonly overwrite: boolean }

/** @throws notFound, invalid, denied, unavailable */
export async function copyFiles(from: CopyPlace, to: CopyPlace, options: CopyOptions): Promise<void> {
  const source = await findSource(from)
  const target = await to.end.find(to.path)
  const isDirectory = source.kind === 'directory'
  const { name = posix.basename(source.path) } = source
  if (target.kind === 'directory') {
    const as = isDirectory && isContents(from.path) ? '' : name
    return to.end.receive({ chunks: from.end.send(source.path, as), dir: target.path, ...options })
  }
  if (target.kind === 'other' && !isDirectory && to.path.endsWith('/')) throw new Failure('invalid', `${to.path} on ${to.end.what} is no directory`)
  if (target.kind === 'other' && isDirectory && !options.overwrite) throw new Failure('invalid', `a directory cannot be copied to ${to.path}, which is none, on ${to.end.what}`)
  const dir = posix.dirname(target.path)
  const isNowhere = target.kind === undefined && ((to.path.endsWith('/') && !isDirectory) || (await to.end.find(dir)).kind !== 'directory')
  if (isNowhere) throw new Failure('notFound', `there is no directory ${to.path.endsWith('/') ? to.path : dir} on ${to.end.what}`)
  await to.end.receive({ chunks: from.end.send(source.path, posix.basename(target.path)), dir, ...options })
}

/** The archive of what is there, as `cp SOURCE -` writes it, without end mark. @throws notFound */
export async function sendFiles(from: CopyPlace): Promise<AsyncIterable<Uint8Array>> {
  const source = await findSource(from)
  return from.end.send(source.path, source.kind === 'directory' && isContents(from.path) ? '' : posix.basename(source.path))
}

/** Unpacks an archive into a directory, as `cp - TARGET` does. @throws notFound, invalid */
export async function receiveFiles(to: CopyPlace, chunks: AsyncIterable<Uint8Array>, options: CopyOptions): Promise<void> {
  const { path, kind } = await to.end.find(to.path)
  if (kind !== 'directory') throw new Failure(kind === undefined ? 'notFound' : 'invalid', `${to.path} on ${to.end.what} is no directory: an archive needs one`)
  await to.end.receive({ chunks, dir: path, ...options })
}

/** `dir/.` and `/`: what is in it, not itself. */
const isContents = (path: string): boolean => /(?:^|\/)\.$/.test(path) || /^\/+$/.test(path)

async function findSource({ end, path }: CopyPlace): Promise<{ path: string; kind: 'directory' | 'other'; name?: string }> {
  const { path: found, kind, ...named } = await end.find(path)
  if (kind === undefined) throw new Failure('notFound', `there is no ${path} on ${end.what}`)
  if (kind === 'other' && path.endsWith('/')) throw new Failure('invalid', `${path} on ${end.what} is no directory`)
  return { path: found, kind, ...named }
}
