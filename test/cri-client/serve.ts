// Our own server, with roots of its own.
import { join } from 'node:path'
import { startDaemon } from './daemon.ts'
import type { Server } from './peer.ts'
import { checkout } from './program.ts'

export async function startServe(dir: string): Promise<Server> {
  const socket = join(dir, 'c.sock')
  const stop = await startDaemon([join(checkout, 'bin/scow'), '--root', join(dir, 'root'), '--runroot', join(dir, 'run'), '--cni-config-dir', join(dir, 'cni'), 'serve', '--listen', `unix://${socket}`], { socket, log: join(dir, 'log') })
  return { socket, stop }
}
