// The completion of bash, in a bash on a terminal, as fingers find it.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { checkout } from '../support/box.ts'
import { patience } from '../support/patience.ts'

/** Readline's insert-comment: leaves the line unused. An interrupt is not seen before the next key if it comes as the completion ends. */
const DISMISS = '\u001b#'

async function openShell(t: TestContext): Promise<(typed: string) => Promise<string>> {
  const dir = mkdtempSync(join(tmpdir(), 'scow-completion-'))
  const env = { PATH: `${checkout}/bin:${process.env['PATH']}`, TERM: 'dumb', HOME: dir, SCOW_ROOT: join(dir, 'root'), SCOW_RUNROOT: join(dir, 'run') }
  const scow = (...args: string[]) => execFileSync(join(checkout, 'bin/scow'), args, { env, encoding: 'utf8' })
  const id = scow('pull', '--quiet', `oci:${checkout}/dist/demo-image`).trim()
  scow('tag', id, 'app:one')
  const shell = spawn('python3', [join(checkout, 'test/support/terminal.py'), '24', '200', 'bash', '--norc', '--noprofile', '-i'], { env, stdio: ['pipe', 'pipe', 'inherit'] })
  let seen = ''
  shell.stdout.on('data', (chunk: Buffer) => { seen += chunk.toString() })
  t.after(() => { shell.kill(); scow('rmi', '--all', '--force'); rmSync(dir, { recursive: true }) })
  const until = async (isThere: () => boolean): Promise<void> => {
    for (let tries = 0; !isThere(); tries++) {
      assert.ok(tries < 1000 * patience, `not seen in: ${JSON.stringify(seen)}`)
      await sleep(10)
    }
  }
  shell.stdin.write(`PS1='ready$ '; bind 'set enable-bracketed-paste off'; bind 'set bell-style none'; source ${checkout}/completions/scow.bash; echo is on\n`)
  await until(() => /\r\nis on\r\nready\$ $/.test(seen))
  /** What stands on the line after the tabulator, spaces included. */
  return async (typed) => {
    seen = ''
    // what is typed while the completion works is read after it
    shell.stdin.write(`${typed}\t|`)
    await until(() => seen.includes('|'))
    const line = seen.slice(0, seen.indexOf('|'))
    shell.stdin.write(DISMISS)
    await until(() => /\r\nready\$ $/.test(seen))
    return line
  }
}

test('bash completes commands, names, and values with their : and =', async (t) => {
  const complete = await openShell(t)
  const cases = [
    ['scow vers', 'scow version '], ['scow run --pull al', 'scow run --pull always '], ['scow run --pull=al', 'scow run --pull=always '],
    ['scow ps --filter na', 'scow ps --filter name='], ['scow ps -a --filter=na', 'scow ps -a --filter=name='], ['scow run --pid=cont', 'scow run --pid=container:'],
    ['scow rmi localhost/ap', 'scow rmi localhost/app:one '], ['scow rmi localhost/app:o', 'scow rmi localhost/app:one '],
    ['scow run -e A=1 -e "B C=2:3" --network=ho', 'scow run -e A=1 -e "B C=2:3" --network=host '],
  ] as const
  for (const [typed, line] of cases) assert.equal(await complete(typed), line)
})
