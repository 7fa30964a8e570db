import { spawnSync } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'

/** One of the programs compared, with roots of its own. */
export interface Tool {
  readonly name: string
  readonly command: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

export interface Row {
  readonly what: string
  readonly unit: 'ms' | 'kB'
  readonly medians: Readonly<Record<string, number>>
  readonly runs: number
}

/** Runs a command to its end; throws what it said when it fails. */
export function call({ command, env }: Tool, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command[0]!, [...command.slice(1), ...args], { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  if (error) throw error
  if (status !== 0) throw new Error(`${command[0]} ${args.join(' ')}: ${status}\n${stdout}${stderr}`)
  return stdout.trim()
}

/**
 * Milliseconds until a command's end, as a user's shell sees them: a small bash starts it, since it takes the kernel
 * some milliseconds to fork a process of this one's size.
 */
function time({ command, env }: Tool, args: readonly string[]): number {
  const script = 'began=$EPOCHREALTIME; "$@" >&2; code=$?; echo $began $EPOCHREALTIME; exit $code'
  const said = call({ name: 'bash', command: ['bash', '-c', script, 'bash', ...command], env }, args)
  const [began = 0, ended = 0] = said.split(' ').map(Number)
  return (ended - began) * 1000
}

export interface Comparison {
  readonly what: string
  readonly runs: number
  /** Arguments that are measured, for run number `run`. */
  act(tool: Tool, run: number): readonly string[]
  before?(tool: Tool, run: number): void
  after?(tool: Tool, run: number): void
}

/** Wall time of each tool's command, the tools in turn; the first run of each is not counted. */
export function compare(tools: readonly Tool[], { what, runs, act, before, after }: Comparison): Row {
  const times = new Map(tools.map(({ name }) => [name, [] as number[]]))
  for (let run = -1; run < runs; run++) {
    for (const tool of run % 2 === 0 ? tools : [...tools].reverse()) {
      before?.(tool, run)
      const args = act(tool, run)
      const elapsedMs = time(tool, args)
      after?.(tool, run)
      if (run >= 0) times.get(tool.name)!.push(elapsedMs)
    }
  }
  return { what, unit: 'ms', runs, medians: Object.fromEntries([...times].map(([name, list]) => [name, median(list)])) }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const half = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2
}

/** Resident kB of every process whose program is named conmon and whose command line names `word`. */
export function monitorMemory(word: string): number[] {
  const sizes: number[] = []
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const [file = '', ...args] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
      if (!/conmon[^/]*$/.test(file) || !args.join(' ').includes(word)) continue
      sizes.push(Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' && (error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
  return sizes
}

const show = (value: number | undefined, unit: string) => (value === undefined ? '' : `${value >= 100 ? value.toFixed(0) : value.toFixed(1)} ${unit}`)

/** A table in Markdown; the ratio is the first tool's figure by the second's. */
export function report(rows: readonly Row[], tools: readonly string[]): string {
  const [ours, theirs] = tools as [string, string]
  const lines = rows.map(({ what, unit, runs, medians }) => {
    const ratio = medians[ours]! / medians[theirs]!
    return `| ${what} | ${show(medians[ours], unit)} | ${show(medians[theirs], unit)} | ${ratio.toFixed(2)} | ${runs} |`
  })
  return [`| what | ${ours} | ${theirs} | ratio | runs |`, '|---|---|---|---|---|', ...lines].join('\n')
}
