// The caller's own streams and terminal, joined to a command or a container behind a streaming server.
import { isTerminal } from '../../cli/output.ts'
import { writeAll } from '../../write-all.ts'
import type { Interrupt } from '../../cli/interrupt.ts'
import { Failure } from '../../errors.ts'
import { connectStreams } from '../container/terminal.ts'

export interface TlsFlags {
  readonly tlsServerName: string | undefined
  readonly tlsCa: string | undefined
  readonly tlsCert: string | undefined
  readonly tlsKey: string | undefined
}

/** A terminal cannot be made of a pipe: what is read from it would have no end. @throws Failure invalid */
export function needTerminal(stdin: boolean, tty: boolean): void {
  if (stdin && tty && !isTerminal(0)) throw new Failure('invalid', 'standard input is no terminal', { hint: 'leave out --tty' })
}

export interface Joined {
  readonly url: string
  readonly transport: 'spdy' | 'websocket' | undefined
  readonly tls: TlsFlags
  readonly stdin: boolean
  readonly tty: boolean
  readonly interrupt: Interrupt
}

/** @returns the exit code, where the other side tells one */
export async function joinStreams({ url, transport = 'spdy', tls, stdin, tty, interrupt }: Joined): Promise<number> {
  const { runRemoteCommand } = await import('../../cri/client/remote-command.ts')
  const { io, restore } = connectStreams({ stdin, terminal: tty, detachKeys: '', interrupt })
  try {
    return await runRemoteCommand({
      url, transport, tls: { serverName: tls.tlsServerName, ca: tls.tlsCa, cert: tls.tlsCert, key: tls.tlsKey }, tty, signal: interrupt.signal,
      ...(io.stdin ? { stdin: io.stdin } : {}), ...(io.resize ? { resize: io.resize } : {}),
      stdout: (bytes) => writeAll(1, bytes), ...(tty ? {} : { stderr: (bytes: Uint8Array) => writeAll(2, bytes) }),
    })
  } finally {
    restore()
    if (stdin) process.stdin.destroy()
  }
}
