// Sockets that keep published ports from other programs of the host while a container runs. Traffic never reaches them:
// DNAT acts before. They do not listen, so that who comes by a way without DNAT is refused at once.
import { closeSync } from 'node:fs'
import type { PortRequest } from '../spec/request.ts'
import { bindPort } from '../sys/addon.ts'

/** A descriptor each, of which a process may have 1024. */
const MOST = 128

/** Held ports with what ends that in this process; a process that inherited `fds` goes on. */
export interface HeldPorts extends Disposable { readonly fds: readonly number[] }

/** What cannot be held, or is beyond `MOST` sockets, is not: whether a port is free has been looked at before. */
export function holdPorts(ports: readonly PortRequest[]): HeldPorts {
  const fds: number[] = []
  for (const { hostIp, hostPort, count, protocol } of ports) {
    if (protocol === 'sctp') continue
    for (const address of hostIp === undefined || hostIp === '' ? ['0.0.0.0', '::'] : [hostIp]) {
      for (let port = hostPort; port < hostPort + count && fds.length < MOST; port++) {
        try { fds.push(bindPort(address, port, protocol)) } catch { /* connections of a program before us may linger */ }
      }
    }
  }
  return { fds, [Symbol.dispose]: () => { for (const fd of fds) closeSync(fd) } }
}
