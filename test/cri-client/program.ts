// The built program under a name of its own, as users start it.
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { symlinkSync } from 'node:fs'
import { join, resolve } from 'node:path'

export const checkout: string = resolve(import.meta.dirname, '../..')

export interface Result { readonly code: number; readonly stdout: string; readonly stderr: string }

export interface CallOptions {
  readonly input?: string | Buffer
  /** Standard input stays open, to be typed into with `child.stdin`. */
  readonly typed?: boolean
  readonly env?: Readonly<Record<string, string>>
  readonly terminal?: { readonly rows: number; readonly columns: number }
}

export interface Running {
  readonly child: ChildProcess
  stdout(): string
  stderr(): string
  end(): Promise<Result>
}

export interface Program {
  run(args: readonly string[], options?: CallOptions): Promise<Result>
  start(args: readonly string[], options?: CallOptions): Running
  /** Asserts exit code 0; stdout without its last newline. */
  ok(...args: string[]): Promise<string>
  json(...args: string[]): Promise<any> // eslint-disable-line @typescript-eslint/no-explicit-any
  /** Asserts the exit code and nothing on stdout; stderr. */
  fails(code: number, ...args: string[]): Promise<string>
}

interface Opening { readonly dir: string; readonly name: 'crictl' | 'scow'; readonly before?: readonly string[]; readonly env?: Readonly<Record<string, string>> }

/** A link of that name in `dir`. */
export function openProgram({ dir, name, before = [], env: own = {} }: Opening): Program {
  const file = join(dir, name)
  symlinkSync(join(checkout, 'bin/scow'), file)
  const base = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8', TERM: 'xterm', TZ: 'UTC', ...own }
  const start: Program['start'] = (args, { input, typed = false, env = {}, terminal } = {}) => {
    const words = [file, ...before, ...args]
    const command = terminal ? ['/usr/bin/python3', join(checkout, 'test/support/terminal.py'), String(terminal.rows), String(terminal.columns), ...words] : words
    const child = spawn(command[0]!, command.slice(1), { env: { ...base, ...env }, cwd: dir, stdio: [input === undefined && !typed ? 'ignore' : 'pipe', 'pipe', 'pipe'], timeout: 60_000, killSignal: 'SIGKILL' })
    if (input !== undefined) child.stdin!.on('error', () => {}).end(input)
    let [stdout, stderr] = ['', '']
    child.stdout!.setEncoding('utf8').on('data', (text) => { stdout += text })
    child.stderr!.setEncoding('utf8').on('data', (text) => { stderr += text })
    const ended = once(child, 'close').then(([code]): Result => ({ code: (code as number | null) ?? -1, stdout, stderr }))
    return { child, stdout: () => stdout, stderr: () => stderr, end: () => ended }
  }
  const run: Program['run'] = (args, options) => start(args, options).end()
  const ok: Program['ok'] = async (...args) => {
    const { code, stdout, stderr } = await run(args)
    assert.equal(code, 0, `${name} ${args.join(' ')}\n${stdout}${stderr}`)
    return stdout.replace(/\n$/, '')
  }
  return {
    run, start, ok, json: async (...args) => JSON.parse(await ok(...args)),
    async fails(code, ...args) {
      const result = await run(args)
      assert.equal(result.code, code, `${name} ${args.join(' ')}\n${result.stdout}${result.stderr}`)
      assert.equal(result.stdout, '')
      return result.stderr
    },
  }
}
