import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../errors.ts'
import { runProgram } from '../process/run-program.ts'
import type { Engine } from './engine.ts'
import { findContainer, runningProcess } from './find-container.ts'

/** Pids, as the host sees them, of every process of a running container. @throws wrongState */
export async function containerPids(engine: Pick<Engine, 'paths' | 'self' | 'state'>, nameOrId: string): Promise<number[]> {
  const container = await findContainer(engine, nameOrId)
  const { pid } = runningProcess(engine, container, 'top: ')
  return cgroupPids(pid)
}

/** Every process in the cgroup of `pid` and below. */
export function cgroupPids(pid: number): number[] {
  const lines = readFileSync(`/proc/${pid}/cgroup`, 'utf8').trim().split('\n').map((line) => line.split(':'))
  const v2 = lines.find(([number, names]) => number === '0' && names === '')
  const v1 = lines.find(([, names]) => names?.split(',').some((name) => name === 'pids' || name === 'memory'))
  const dirs = [
    ...(v1 ? [join('/sys/fs/cgroup', v1[1]!, v1.slice(2).join(':'))] : []),
    ...(v2 ? [join('/sys/fs/cgroup', v2.slice(2).join(':')), join('/sys/fs/cgroup/unified', v2.slice(2).join(':'))] : []),
  ]
  for (const dir of dirs) {
    const pids = pidsBelow(dir)
    if (pids.includes(pid)) return pids.sort((a, b) => a - b)
  }
  return [pid]
}

const pidsBelow = (dir: string): number[] => {
  try {
    const own = readFileSync(join(dir, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number)
    return [...own, ...readdirSync(dir, { withFileTypes: true }).filter((entry) => entry.isDirectory()).flatMap(({ name }) => pidsBelow(join(dir, name)))]
  } catch {
    return []
  }
}

/** The host's ps with the user's own arguments, reduced to the container's processes. @throws unsupported without ps, invalid for its arguments */
export async function hostPs(pids: readonly number[], args: readonly string[]): Promise<string[]> {
  const ps = (words: readonly string[]) => runProgram('ps', [...words], { timeoutMs: 10_000 }).catch((error: unknown) => {
    throw new Failure('unsupported', 'the host has no ps program', { cause: error, hint: 'install it: apt install procps' })
  })
  // By itself it shows the processes of its own terminal; some of its options exclude the choice by pid.
  const ours = await ps([...args, '-q', pids.join(',')])
  const { code, stdout, stderr } = ours.code === 0 ? ours : await ps(args)
  if (code !== 0) throw new Failure('invalid', `ps ${args.join(' ')}: ${stderr.toString().trim().split('\n')[0]}`)
  const [header = '', ...rows] = stdout.toString().trimEnd().split('\n')
  const column = header.trim().split(/\s+/).indexOf('PID')
  if (column < 0) throw new Failure('invalid', `ps ${args.join(' ')} prints no PID column`, { hint: 'add pid to the wanted columns' })
  return [header, ...rows.filter((row) => pids.includes(Number(row.trim().split(/\s+/)[column])))]
}
