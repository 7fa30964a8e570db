// What `runc delete` does to a container that has ended, read from the state that runc keeps of it.
import { closeSync, constants, fstatSync, openSync, readSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import { removeGroup } from '../process/cgroup-tree.ts'
import { readStat } from '../process/identity.ts'

const MOST_BYTES = 4 * 1024 * 1024
const CGROUP_PATH = /^\/sys\/fs\/cgroup(\/[^/]+)+$/

const none = (value: unknown): boolean => !value
const StateSchema = v.object({
  init_process_pid: v.pipe(v.number(), v.integer(), v.minValue(1)),
  /** Clock ticks after boot. */
  init_process_start: v.number(),
  cgroup_paths: v.record(v.string(), v.pipe(v.string(), v.regex(CGROUP_PATH), v.check((path) => !path.includes('/../')))),
  // All that runc would have to do besides.
  rootless: v.pipe(v.unknown(), v.check(none)),
  intel_rdt_path: v.pipe(v.unknown(), v.check(none)),
  config: v.object({
    cgroups: v.object({ Systemd: v.pipe(v.unknown(), v.check(none)) }),
    Hooks: v.nullish(v.object({ poststop: v.pipe(v.unknown(), v.check(none)) })),
    /** With one of its own no process outlives its first. */
    namespaces: v.pipe(v.array(v.object({ type: v.string(), path: v.nullish(v.string(), '') })), v.check((list) => list.some(({ type, path }) => type === 'NEWPID' && path === ''))),
  }),
})

/**
 * Removes the cgroups and the state of a container whose process has ended, without the ten milliseconds that a program in Go
 * takes to begin. @returns false where there is anything else to do, or anything is not as expected: the runtime itself is to
 * be asked, which finds what is left
 */
export async function deleteEnded(stateDir: string, id: string): Promise<boolean> {
  const dir = join(stateDir, id)
  const state = readState(join(dir, 'state.json'))
  if (!state || lives(state)) return false
  const removed = await Promise.all([...new Set(Object.values(state.cgroup_paths))].map(removeGroup))
  if (removed.includes(false)) return false // groups below it, or a process that is not gone yet
  rmSync(dir, { recursive: true, force: true })
  return true
}

type State = v.InferOutput<typeof StateSchema>

function readState(path: string): State | undefined {
  let fd: number | undefined
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW)
    const { size } = fstatSync(fd)
    if (size > MOST_BYTES) return undefined
    const bytes = Buffer.allocUnsafe(size)
    const read = v.safeParse(StateSchema, JSON.parse(bytes.toString('utf8', 0, readSync(fd, bytes))))
    return read.success ? read.output : undefined
  } catch {
    return undefined
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

function lives({ init_process_pid: pid, init_process_start: startTime }: State): boolean {
  const stat = readStat(pid)
  return stat !== undefined && stat.startTime === startTime && stat.state !== 'Z' && stat.state !== 'X'
}
