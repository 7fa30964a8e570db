import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

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

/** Debian's docker-registry over the folder `storage`, on a free loopback port. */
export async function startRegistryServer(storage: string, { readOnly = false } = {}): Promise<RegistryServer> {
  const port = await freePort()
  const dir = mkdtempSync(join(tmpdir(), 'scow-registry-'))
  const config = join(dir, 'config.yml')
  writeFileSync(config, JSON.stringify({
    version: 0.1,
    log: { level: 'error', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: storage }, delete: { enabled: true }, maintenance: { uploadpurging: { enabled: false }, readonly: { enabled: readOnly } } },
    http: { addr: `127.0.0.1:${port}`, relativeurls: true },
    // Only with this are schema 1 manifests served with the signature they came with.
    compatibility: { schema1: { enabled: true } },
  }))
  const child = spawn('docker-registry', ['serve', config], { stdio: ['ignore', 'ignore', 'pipe'] })
  let errors = ''
  child.stderr.on('data', (bytes) => { errors += bytes })
  const exited = once(child, 'exit')
  for (let tries = 0; !(await answers(port)); tries++) {
    if (child.exitCode !== null || tries > 200) throw new Error(`docker-registry did not start: ${errors}`)
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

const answers = (port: number) => new Promise<boolean>((resolve) => {
  const socket = connect(port, '127.0.0.1', () => { socket.destroy(); resolve(true) })
  socket.on('error', () => resolve(false))
})
