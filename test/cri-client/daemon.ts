// A runtime as a child of the test: started, waited for by its socket, stopped.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, openSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

interface DaemonOptions { readonly socket: string; readonly log: string; readonly env?: Readonly<Record<string, string>> }

/** Resolves when the socket is there; what it gives stops the daemon. */
export async function startDaemon(command: readonly string[], { socket, log, env = {} }: DaemonOptions): Promise<() => Promise<void>> {
  const output = openSync(log, 'w')
  const [file, ...args] = command as [string, ...string[]]
  const child = spawn(file, args, { stdio: ['ignore', output, output], env: { ...process.env, ...env } })
  let failure = ''
  child.on('error', (error) => { failure = error.message })
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM')
    if (failure === '' && child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
  for (let tries = 0; !existsSync(socket); tries++) {
    if (failure === '' && child.exitCode === null && tries < 1200) await sleep(25)
    else {
      await stop()
      assert.fail(`${basename(file)} did not start: ${failure}\n${readFileSync(log, 'utf8').slice(-3000)}`)
    }
  }
  return stop
}
