import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { patience } from './patience.ts'

/** A port of the loopback address that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

export interface RegistryServer {
  readonly port: number
  stop(): Promise<void>
}

export interface RegistryServerOptions {
  readonly readOnly?: boolean
  /** Who alone may use it; absent: everybody. */
  readonly login?: { readonly user: string; readonly password: string }
}

/** Debian's docker-registry over the folder `storage`, on a free loopback port. */
export async function startRegistryServer(storage: string, { readOnly = false, login }: RegistryServerOptions = {}): Promise<RegistryServer> {
  const port = await freePort()
  const dir = mkdtempSync(join(tmpdir(), 'scow-registry-'))
  const config = join(dir, 'config.yml')
  const passwords = join(dir, 'htpasswd')
  if (login) writeFileSync(passwords, `${login.user}:${bcrypt(login.password)}\n`)
  writeFileSync(config, JSON.stringify({
    version: 0.1,
    log: { level: 'error', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: storage }, delete: { enabled: true }, maintenance: { uploadpurging: { enabled: false }, readonly: { enabled: readOnly } } },
    ...(login && { auth: { htpasswd: { realm: 'the tests', path: passwords } } }),
    http: { addr: `127.0.0.1:${port}`, relativeurls: true },
    // Only with this are schema 1 manifests served with the signature they came with.
    compatibility: { schema1: { enabled: true } },
  }))
  const child = spawn('docker-registry', ['serve', config], { stdio: ['ignore', 'ignore', 'pipe'] })
  let errors = ''
  child.stderr.on('data', (bytes) => { errors += bytes })
  const exited = once(child, 'exit')
  for (let tries = 0; !(await answers(port)); tries++) {
    if (child.exitCode !== null || tries > 200 * patience) throw new Error(`docker-registry did not start: ${errors}`)
    await sleep(25)
  }
  return {
    port,
    stop: async () => {
      child.kill('SIGKILL')
      await exited
      rmSync(dir, { recursive: true })
    },
  }
}

/** As docker-registry wants passwords; libcrypt makes them. */
const bcrypt = (password: string): string =>
  execFileSync('/usr/bin/perl', ['-e', 'print crypt($ARGV[0], $ARGV[1])', password, '$2b$04$abcdefghijklmnopqrstuu'], { encoding: 'utf8' })

const answers = (port: number) => new Promise<boolean>((resolve) => {
  const socket = connect(port, '127.0.0.1', () => { socket.destroy(); resolve(true) })
  socket.on('error', () => resolve(false))
})
