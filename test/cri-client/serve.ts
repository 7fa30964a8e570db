// Our own server, with roots of its own.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { checkout } from './program.ts'
import type { Server } from './runtime.ts'

export async function startServe(dir: string): Promise<Server> {
  const log = openSync(join(dir, 'log'), 'w')
  const socket = join(dir, 'c.sock')
  const child = spawn(join(checkout, 'bin/scow'), ['--root', join(dir, 'root'), '--runroot', join(dir, 'run'), '--cni-config-dir', join(dir, 'cni'), 'serve', '--listen', `unix://${socket}`], { stdio: ['ignore', log, log] })
  for (let tries = 0; !existsSync(socket); tries++) {
    assert.ok(child.exitCode === null && tries < 400, `scow serve did not start:\n${readFileSync(join(dir, 'log'), 'utf8').slice(-3000)}`)
    await sleep(25)
  }
  return {
    socket,
    async stop() {
      child.kill('SIGTERM')
      if (child.exitCode === null) await once(child, 'exit')
    },
  }
}
