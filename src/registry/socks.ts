// SOCKS 5 (RFC 1928) with user and password (RFC 1929). Names are looked up by the proxy, for socks5 and socks5h alike,
// as Go does.
import { connect, isIP, isIPv4, SocketAddress, type Socket } from 'node:net'
import { bareHost, portOf, proxyCredentials } from './proxy.ts'
import { proxyError } from './proxy-error.ts'
import { DeadlineError } from './transport.ts'

export interface SocksTarget {
  readonly proxy: URL
  readonly host: string
  readonly port: number
  /** For the whole of it: connection, greeting and the proxy's own connection. */
  readonly connectMs: number
}

const VERSION = 5
const NO_AUTHENTICATION = 0
const USER_PASSWORD = 2
const CONNECT = 1
const [IPV4, NAME, IPV6] = [1, 3, 4]

const REFUSALS: Readonly<Record<number, string>> = {
  1: 'it failed', 2: 'its rules do not allow it', 3: 'no network', 4: 'no route to the host', 5: 'connection refused', 6: 'it took too long', 7: 'it cannot connect', 8: 'it does not know this kind of address',
}

/** A socket that leads to `host`:`port`. Rejects with an error whose `code` is EPROXY, the socket's own error, or DeadlineError. */
export async function connectThroughSocks(target: SocksTarget): Promise<Socket> {
  const { proxy, connectMs } = target
  const socket = connect({ host: bareHost(proxy.hostname), port: portOf(proxy), noDelay: true })
  const timer = setTimeout(() => socket.destroy(new DeadlineError(`no connection through the proxy ${proxy.host} within ${connectMs / 1000} s`)), connectMs)
  // Once it is handed out, its errors are its user's; in between they must not end the program.
  socket.on('error', () => {})
  const read = reader(socket, proxy)
  try {
    await greet(target, { socket, read })
    await ask(target, { socket, read })
  } catch (error) {
    socket.destroy()
    throw error
  } finally {
    clearTimeout(timer)
    read.stop()
  }
  return socket
}

interface Talk {
  readonly socket: Socket
  readonly read: Reader
}

async function greet({ proxy }: SocksTarget, { socket, read }: Talk): Promise<void> {
  const credentials = proxyCredentials(proxy)
  const methods = credentials ? [NO_AUTHENTICATION, USER_PASSWORD] : [NO_AUTHENTICATION]
  socket.write(Buffer.from([VERSION, methods.length, ...methods]))
  const [version, method] = await read.bytes(2)
  if (version !== VERSION) throw proxyError(proxy, 'does not speak SOCKS 5')
  if (method === NO_AUTHENTICATION) return
  if (method !== USER_PASSWORD || credentials === undefined) throw proxyError(proxy, credentials ? 'takes no user and password' : 'wants a user and a password')
  const [user, password] = [Buffer.from(credentials.username), Buffer.from(credentials.password)]
  if (user.length > 255 || password.length > 255) throw proxyError(proxy, 'takes user and password of at most 255 bytes')
  socket.write(Buffer.concat([Buffer.from([1, user.length]), user, Buffer.from([password.length]), password]))
  const [, status] = await read.bytes(2)
  if (status !== 0) throw proxyError(proxy, 'refuses the user and password of its URL')
}

async function ask({ proxy, host, port }: SocksTarget, { socket, read }: Talk): Promise<void> {
  socket.write(Buffer.concat([Buffer.from([VERSION, CONNECT, 0]), addressOf(proxy, host), Buffer.from([port >> 8, port & 0xff])]))
  const [version, reply, , type] = await read.bytes(4)
  if (version !== VERSION) throw proxyError(proxy, 'does not speak SOCKS 5')
  if (reply !== 0) throw proxyError(proxy, `cannot connect to ${host}:${port}: ${REFUSALS[reply!] ?? `it failed (${reply})`}`)
  // The address that it connects from is of no interest, but its bytes stand before ours.
  const length = type === IPV4 ? 4 : type === IPV6 ? 16 : type === NAME ? (await read.bytes(1))[0]! : undefined
  if (length === undefined) throw proxyError(proxy, 'does not speak SOCKS 5')
  await read.bytes(length + 2)
}

function addressOf(proxy: URL, host: string): Buffer {
  if (isIP(host) === 0) {
    const name = Buffer.from(host)
    if (name.length > 255) throw proxyError(proxy, 'takes names of at most 255 bytes')
    return Buffer.concat([Buffer.from([NAME, name.length]), name])
  }
  if (isIPv4(host)) return Buffer.from([IPV4, ...host.split('.').map(Number)])
  return Buffer.from([IPV6, ...ipv6Bytes(host)])
}

function ipv6Bytes(address: string): number[] {
  // With the dotted form of an embedded IPv4 address normalised away.
  const text = new SocketAddress({ address, family: 'ipv6' }).address
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text)
  const [, start = '', ...parts] = dotted ?? []
  const [a = 0, b = 0, c = 0, d = 0] = parts.map(Number)
  const plain = dotted ? `${start}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}` : text
  const [head = '', tail] = plain.split('::')
  const groups = (half: string): number[] => (half === '' ? [] : half.split(':').map((group) => Number.parseInt(group, 16)))
  const [before, after] = [groups(head), groups(tail ?? '')]
  const all = tail === undefined ? before : [...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0), ...after]
  return all.flatMap((group) => [group >> 8, group & 0xff])
}

interface Reader {
  bytes(count: number): Promise<Buffer>
  /** Leaves what was not read to the socket's next reader. */
  stop(): void
}

/** Exactly as many bytes as are asked for; what follows them belongs to the connection that is made. */
function reader(socket: Socket, proxy: URL): Reader {
  let error: Error | undefined
  let wake: (() => void) | undefined
  const onReadable = (): void => wake?.()
  const onError = (reason: Error): void => { error = reason; wake?.() }
  const onEnd = (): void => onError(proxyError(proxy, 'closed the connection'))
  socket.on('readable', onReadable).on('error', onError).on('end', onEnd).on('close', onEnd)
  return {
    async bytes(count) {
      for (;;) {
        const chunk = count === 0 ? Buffer.alloc(0) : socket.read(count) as Buffer | null
        if (chunk?.length === count) return chunk
        if (error) throw error
        await new Promise<void>((resolve) => { wake = resolve })
        wake = undefined
      }
    },
    stop: () => { socket.off('readable', onReadable).off('error', onError).off('end', onEnd).off('close', onEnd) },
  }
}
