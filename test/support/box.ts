// A box is one installation of scow with roots of its own, for one test. It runs the built program, keeps what every
// command said and shows it when the test fails, and at the end asserts that nothing of it is left.
import assert from 'node:assert/strict'
import { spawn, type ChildProcess, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { findLeftovers, unmountRoots } from './leftovers.ts'
import { patience } from './patience.ts'

export const checkout: string = resolve(import.meta.dirname, '../..')

/** Another program, or more global options, for the whole run: to see what podman does, or to use another monitor. */
const program = process.env['SCOW_TEST_PROGRAM'] ?? join(checkout, 'bin/scow')
const moreFlags = process.env['SCOW_TEST_FLAGS']?.split(' ') ?? []
/** Whose roots may be copied: podman's remember where they are. */
export const isOwnProgram = process.env['SCOW_TEST_PROGRAM'] === undefined

export interface Result {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface CallOptions {
  /** Standard input; undefined: /dev/null. */
  readonly input?: string | Buffer
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly timeoutMs?: number
  /** Run on a terminal of this size; output is then all on stdout. */
  readonly terminal?: { readonly rows: number; readonly columns: number }
}

/** A command that runs while the test goes on. */
export interface Running {
  readonly pid: number
  stdout(): string
  stderr(): string
  /** Waits until the output matches; fails after 20 s or when the command ends before. */
  sees(pattern: RegExp): Promise<string>
  type(text: string): void
  resize(rows: number, columns: number): void
  endInput(): void
  kill(signal?: NodeJS.Signals): void
  end(): Promise<Result>
}

export interface Box {
  readonly dir: string
  readonly root: string
  readonly runRoot: string
  readonly env: Readonly<Record<string, string>>
  /** The program and the global options that every command starts with. */
  readonly command: readonly string[]
  /** Runs a command to its end, whatever its exit code. */
  scow(args: readonly string[], options?: CallOptions): Promise<Result>
  /** Asserts exit code 0 and gives stdout without the last newline. */
  ok(...args: string[]): Promise<string>
  /** Asserts the exit code and gives stderr. */
  fails(code: number, ...args: string[]): Promise<string>
  json<T = any>(...args: string[]): Promise<T> // eslint-disable-line @typescript-eslint/no-explicit-any
  start(args: readonly string[], options?: CallOptions & { readonly openInput?: boolean }): Running
}

export interface BoxOptions {
  readonly env?: Readonly<Record<string, string>>
  /** Global options of every command, after the roots. */
  readonly flags?: readonly string[]
  /** Program to run instead of bin/scow. */
  readonly program?: string
  /** What must not be there at the end, instead of all that a jail of its own may not have. */
  readonly findLeft?: (box: Box) => Promise<string[]>
}

/** Opens a box that is closed, and checked, when the test ends. */
export async function openBox(t: TestContext, { env = {}, flags = [], program: file = program, findLeft = findLeftovers }: BoxOptions = {}): Promise<Box> {
  const dir = mkdtempSync('/tmp/box-')
  const [root, runRoot] = [join(dir, 'root'), join(dir, 'run')]
  for (const name of ['home', 'tmp']) mkdirSync(join(dir, name))
  const command = [file, '--root', root, '--runroot', runRoot, ...moreFlags, ...flags]
  const cleanEnv = {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8', TERM: 'xterm', USER: 'root',
    HOME: join(dir, 'home'), TMPDIR: join(dir, 'tmp'), ...env,
  }
  const said: string[] = []
  const start: Box['start'] = (args, options = {}) => startCommand({ command: [...command, ...args], env: cleanEnv, dir, options, said })
  const scow: Box['scow'] = (args, options) => start(args, options).end()
  const fails: Box['fails'] = async (code, ...args) => {
    const result = await scow(args)
    assert.equal(result.code, code, `exit code of: scow ${args.join(' ')}\n${result.stdout}${result.stderr}`)
    return result.stderr
  }
  const ok: Box['ok'] = async (...args) => {
    const result = await scow(args)
    assert.equal(result.code, 0, `exit code of: scow ${args.join(' ')}\n${result.stdout}${result.stderr}`)
    return result.stdout.replace(/\n$/, '')
  }
  const box: Box = { dir, root, runRoot, env: cleanEnv, command, start, scow, ok, fails, json: async (...args) => JSON.parse(await ok(...args)) }
  t.after(async () => {
    try {
      await closeBox(box, findLeft)
    } catch (error) {
      console.error(`${t.name}:\n${said.join('\n')}`)
      throw error
    }
    if (!(t as TestContext & { readonly passed: boolean }).passed) console.error(`${t.name}:\n${said.join('\n')}`)
  })
  return box
}

async function closeBox(box: Box, findLeft: (box: Box) => Promise<string[]>): Promise<void> {
  const removed = await box.scow(['rm', '--all', '--force', '--time', '0', '--volumes'])
  const left = await findLeft(box)
  unmountRoots(box.dir)
  rmSync(box.dir, { recursive: true, force: true })
  assert.equal(removed.code, 0, `scow rm --all --force: ${removed.stderr}`)
  assert.deepEqual(left, [], 'left behind after rm --all')
}

interface Start {
  readonly command: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly dir: string
  readonly options: CallOptions & { readonly openInput?: boolean }
  readonly said: string[]
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>

function startCommand({ command, env, dir, options, said }: Start): Running {
  const { terminal, timeoutMs = 60_000 * patience } = options
  const words = terminal
    ? ['/usr/bin/python3', join(import.meta.dirname, 'terminal.py'), String(terminal.rows), String(terminal.columns), ...command] : command
  const child = spawn(words[0]!, words.slice(1), {
    env: { ...env, ...options.env }, cwd: options.cwd ?? dir,
    stdio: [options.input === undefined && !options.openInput && !terminal ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  }) as Child
  if (options.input !== undefined) child.stdin.on('error', () => {}).end(options.input)
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text) => { stdout += text })
  child.stderr.setEncoding('utf8').on('data', (text) => { stderr += text })
  const began = Date.now()
  const timer = setTimeout(() => { stderr += `\n[the test killed it after ${timeoutMs} ms]\n`; child.kill('SIGKILL') }, timeoutMs)
  const ended = finish(child).then((code): Result => {
    clearTimeout(timer)
    said.push(`$ scow ${command.slice(5).join(' ')}   # ${code}, ${Date.now() - began} ms`, indent(stdout), indent(stderr))
    return { code, stdout, stderr }
  })
  const sees = async (pattern: RegExp) => {
    for (let waited = 0; !pattern.test(stdout + stderr); waited += 10) {
      if (child.exitCode !== null || waited > 20_000 * patience) assert.fail(`never saw ${pattern} in:\n${stdout}${stderr}`)
      await sleep(10)
    }
    return stdout
  }
  return {
    pid: child.pid!, stdout: () => stdout, stderr: () => stderr, sees,
    type: (text) => { child.stdin.write(text) },
    resize: (rows, columns) => { child.stdin.write(`\x1e${rows},${columns}\x1e`) },
    endInput: () => { child.stdin.end() },
    kill: (signal = 'SIGTERM') => { child.kill(signal) },
    end: () => ended,
  }
}

/** When it has ended and its output was read: its exit code, or 128 and the signal. */
export async function finish(child: ChildProcess): Promise<number> {
  const [code, signal] = await once(child, 'exit') as [number | null, NodeJS.Signals | null]
  // A container that was left running may hold our pipes: what has come by now is all that counts.
  await Promise.race([once(child, 'close'), sleep(200 * patience)])
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate) // the time may have been over before the pipes were looked at
  return code ?? 128 + (await import('node:os')).constants.signals[signal!]
}

const indent = (text: string) => text.slice(-4000).trimEnd().replace(/^(?=.)/gm, '    ')

/** Waits until `probe` gives something true, for 20 s at most. */
export async function eventually<T>(what: string, probe: () => Promise<T> | T): Promise<NonNullable<T>> {
  const deadline = performance.now() + 20_000 * patience
  // A probe that is slow itself gets its chances too.
  for (let tries = 0; tries < 5 || performance.now() < deadline; tries++) {
    const value = await probe()
    if (value) return value
    await sleep(50)
  }
  assert.fail(`never happened: ${what}`)
}
