// A process that holds new namespaces for a moment, until they are pinned. It ends with us, whatever happens.
import { closeSync, writeFileSync } from 'node:fs'
import { Failure } from '../errors.ts'
import { pipe, type IdMapping, type IdMappings } from '../sys/addon.ts'
import { drain, startChild } from './child.ts'

export type HeldKind = 'user' | 'net' | 'ipc' | 'uts'

export interface HeldNamespaces {
  /** A file to mount or to join, until `release`. */
  path(kind: HeldKind): string
  release(): Promise<void>
}

const PATIENCE_MS = 10_000
/** Tells that it is inside, and waits for the end of its input. */
const HOLD = 'echo; read -r _'

/** A user namespace with these ids, and others that it owns. @throws unsupported, invalid (ids) */
export async function holdNamespaces({ uids, gids }: IdMappings, kinds: readonly Exclude<HeldKind, 'user'>[]): Promise<HeldNamespaces> {
  const [input, output] = [pipe('none'), pipe('read')]
  const child = startHolder(kinds, { input, output })
  const release = async (): Promise<void> => {
    closeSync(input.write)
    child.killGroup()
    await child.exited
  }
  try {
    await inside(output.read, child.exited)
    for (const [name, ranges] of [['uid_map', uids], ['gid_map', gids]] as const) writeMap(`/proc/${child.pid}/${name}`, ranges)
  } catch (error) {
    await release()
    throw error
  }
  return { path: (kind) => `/proc/${child.pid}/ns/${kind}`, release }
}

interface Pipe { readonly read: number; readonly write: number }

function startHolder(kinds: readonly string[], { input, output }: { input: Pipe; output: Pipe }): ReturnType<typeof startChild> {
  try {
    return startChild('unshare', ['--user', ...kinds.map((kind) => `--${kind}`), '/bin/sh', '-c', HOLD], { fds: [input.read, output.write, -1] })
  } catch (error) {
    closeSync(input.write)
    closeSync(output.read)
    throw error
  } finally {
    closeSync(input.read)
    closeSync(output.write)
  }
}

async function inside(fd: number, ended: Promise<unknown>): Promise<void> {
  let said = false
  const { done, stop } = drain(fd, () => {
    said = true
    return false
  })
  const timer = setTimeout(stop, PATIENCE_MS)
  await Promise.race([done, ended])
  clearTimeout(timer)
  stop()
  if (!said) throw new Failure('unsupported', 'no user namespace can be made on this machine', { hint: 'see the sysctl user.max_user_namespaces' })
}

function writeMap(file: string, ranges: readonly IdMapping[]): void {
  try {
    writeFileSync(file, ranges.map(({ containerId, hostId, size }) => `${containerId} ${hostId} ${size}\n`).join(''))
  } catch (error) {
    throw new Failure('invalid', `the ids of the user namespace are refused (${(error as NodeJS.ErrnoException).code})`, { cause: error, hint: 'ranges may not overlap, and ids end at 4294967294' })
  }
}
