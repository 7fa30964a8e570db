// Follows the system calls of one command of a box, and kills it, or lets a call fail, at a chosen one.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { checkout, finish, type Box } from './box.ts'
import { patience } from './patience.ts'

/** The n-th call of this name that one thread of the program makes. */
export interface CallPoint {
  readonly call: string
  readonly nth: number
}
export interface SeenCall extends CallPoint {
  /** Arguments as strace shows them, descriptors with their paths. */
  readonly words: string
  readonly succeeded: boolean
}
export interface Traced {
  /** 128 and the signal for one that was killed. */
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/**
 * Runs a command under strace: all threads of the program, and none of the programs that it starts (those are let go at
 * their execve), so that a kill hits the program alone.
 */
export async function trace(box: Box, options: readonly string[], args: readonly string[]): Promise<Traced> {
  const program = [process.execPath, join(checkout, 'dist/main.cjs'), ...box.command.slice(1)]
  const child = spawn('strace', ['-f', '-qqq', '-b', 'execve', ...options, ...program, ...args], { env: box.env, cwd: box.dir, stdio: ['ignore', 'pipe', 'pipe'] })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text) => { stdout += text })
  child.stderr.setEncoding('utf8').on('data', (text) => { stderr += text })
  const timer = setTimeout(() => { stderr += '\n[the test killed it: it took too long]\n'; child.kill('SIGKILL') }, 60_000 * patience)
  const code = await finish(child)
  clearTimeout(timer)
  return { code, stdout, stderr }
}

/** The calls of these names that a command makes on files of its own, in their order. */
export async function listCalls(box: Box, calls: readonly string[], args: readonly string[]): Promise<{ readonly seen: SeenCall[]; readonly result: Traced }> {
  const log = join(box.dir, 'tmp/strace.log')
  const result = await trace(box, ['-y', '-s', '200', '-o', log, '-e', `trace=${calls.join(',')}`], args)
  const counts = new Map<string, number>()
  const seen: SeenCall[] = []
  for (const line of joinResumed(readFileSync(log, 'utf8').split('\n'))) {
    const [, thread, call, words, outcome] = /^(\d+) +(\w+)\((.*)\) += (-?\d+|\?)/.exec(line) ?? []
    if (!call || words === undefined) continue
    const nth = (counts.get(`${thread} ${call}`) ?? 0) + 1
    counts.set(`${thread} ${call}`, nth)
    if (!words.includes('/cache/scow/')) seen.push({ call, nth, words, succeeded: !outcome!.startsWith('-') })
  }
  rmSync(log)
  return { seen, result }
}

/** A call during which another thread called stands on two lines. */
function joinResumed(lines: readonly string[]): string[] {
  const begun = new Map<string, string>()
  return lines.flatMap((line) => {
    const thread = /^\d+/.exec(line)?.[0] ?? ''
    const unfinished = line.indexOf(' <unfinished ...>')
    if (unfinished > 0) {
      begun.set(thread, line.slice(0, unfinished))
      return []
    }
    const resumed = /<\.\.\. \w+ resumed>/.exec(line)
    return [resumed ? (begun.get(thread) ?? '') + line.slice(resumed.index + resumed[0].length) : line]
  })
}

/** Runs a command that dies at the given call, before the kernel does what it asks for. */
export const killAt = (box: Box, { call, nth }: CallPoint, args: readonly string[]): Promise<Traced> =>
  trace(box, ['-o', '/dev/null', '-e', `trace=${call}`, '-e', `inject=${call}:signal=KILL:when=${nth}`], args)

/** Runs a command in which the given call fails once. */
export const failAt = (box: Box, { call, nth, error }: CallPoint & { readonly error: string }, args: readonly string[]): Promise<Traced> =>
  trace(box, ['-o', '/dev/null', '-e', `trace=${call}`, '-e', `inject=${call}:error=${error}:when=${nth}`], args)

/** At most `limit` of the points, evenly spread, of as many calls as may be. `all`: each of them. */
export function spread<T extends CallPoint>(points: readonly T[], { limit, all }: { readonly limit: number; readonly all: boolean }): T[] {
  if (all || points.length <= limit) return [...points]
  const firsts = [...new Map(points.toReversed().map((point) => [point.call, point])).values()]
  const rest = points.filter((point) => !firsts.includes(point))
  const chosen = new Set([...evenly(firsts, limit), ...evenly(rest, limit - firsts.length)])
  assert.ok(chosen.size > 0)
  return points.filter((point) => chosen.has(point))
}

const evenly = <T>(points: readonly T[], count: number): T[] => (points.length <= count ? [...points]
  : Array.from({ length: Math.max(0, count) }, (_, i) => points[Math.floor(((i + 0.5) * points.length) / count)]!))
