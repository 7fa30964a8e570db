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

/** A user namespace with these ids, and others that its root made and it owns. @throws unsupported, invalid (ids) */
export async function holdNamespaces({ uids, gids }: IdMappings, kinds: readonly Exclude<HeldKind, 'user'>[]): Promise<HeldNamespaces> {
  const user = await hold(['unshare', '--user'])
  try {
    for (const [name, ranges] of [['uid_map', uids], ['gid_map', gids]] as const) writeMap(`/proc/${user.pid}/${name}`, ranges)
    // Made in one go with it they would be of an owner who has no id there, as would what of /dev/mqueue is.
    const others = kinds.length > 0 ? await hold(['nsenter', `--user=/proc/${user.pid}/ns/user`, 'unshare', ...kinds.map((kind) => `--${kind}`)]) : undefined
    return {
      path: (kind) => `/proc/${(kind === 'user' ? user : others ?? user).pid}/ns/${kind}`,
      release: async () => { await Promise.all([user.release(), others?.release()]) },
    }
  } catch (error) {
    await user.release()
    throw error
  }
}

interface Holder { readonly pid: number; release(): Promise<void> }

async function hold(command: readonly string[]): Promise<Holder> {
  const [input, output] = [pipe('none'), pipe('read')]
  const child = startHolder(command, { input, output })
  const release = async (): Promise<void> => {
    closeSync(input.write)
    child.killGroup()
    await child.exited
  }
  try {
    await inside(output.read, child.exited)
    return { pid: child.pid, release }
  } catch (error) {
    await release()
    throw error
  }
}

interface Pipe { readonly read: number; readonly write: number }

function startHolder([file, ...args]: readonly string[], { input, output }: { input: Pipe; output: Pipe }): ReturnType<typeof startChild> {
  try {
    return startChild(file!, [...args, '/bin/sh', '-c', HOLD], { fds: [input.read, output.write, -1] })
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
