// Addresses of runtimes, and which of the usual ones answers.
import { statSync } from 'node:fs'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { monotonicMs } from '../../clock.ts'
import { Failure } from '../../errors.ts'
import { openUnixStream, type ByteStream } from '../../process/unix-stream.ts'
import { socketStream } from './socket-stream.ts'

interface Place {
  readonly path?: string
  readonly host?: string
  readonly port?: number
}

/** As gRPC takes it. */
export interface Endpoint extends Place {
  /** As people read it: `unix:///run/containerd/containerd.sock`. */
  readonly address: string
  readonly namedBy: keyof typeof WAYS
}

/** Where each kind of address is given. */
const WAYS = { runtime: '--runtime-endpoint or in /etc/crictl.yaml', images: '--image-endpoint or in /etc/crictl.yaml', remote: '--endpoint or SCOW_ENDPOINT' } as const

/** Tried all at once; the first of the list that answers is taken. */
export const USUAL_SOCKETS: readonly string[] = [
  '/run/containerd/containerd.sock', '/run/crio/crio.sock', '/var/run/cri-dockerd.sock', '/run/scow/scow.sock',
]

/** `unix:///path`, `/path`, `tcp://host:port`. @throws Failure invalid */
export function parseEndpoint(text: string, namedBy: Endpoint['namedBy'] = 'runtime'): Endpoint {
  const path = /^unix:(?:\/\/)?(\/(?!\/).*)$/.exec(text)?.[1] ?? (text.startsWith('/') ? text : undefined)
  if (path !== undefined) return { address: `unix://${path}`, path, namedBy }
  const tcp = /^tcp:\/\/(\[[\da-f:]+\]|[^:/]+):(\d{1,5})$/i.exec(text)
  if (tcp) return { address: text, host: tcp[1]!.replace(/^\[|\]$/g, ''), port: Number(tcp[2]), namedBy }
  throw new Failure('invalid', `"${text}" is no address of a runtime`, { hint: 'give unix:///path/of/the.sock or tcp://host:port' })
}

const CONNECT_MS = 2000
const RETRY_MS = 20

/** Asserts that somebody listens there. @throws Failure unavailable, denied */
export async function checkEndpoint(endpoint: Endpoint): Promise<void> {
  (await connectTo(endpoint)).close()
}

/** @throws Failure unavailable, denied */
export async function connectTo(endpoint: Endpoint): Promise<ByteStream> {
  try {
    return await tryConnect(endpoint)
  } catch (error) {
    throw explain(error as NodeJS.ErrnoException, endpoint)
  }
}

const WHY: Readonly<Record<string, string>> = { ECONNREFUSED: 'nobody listens there', ENETUNREACH: 'its network cannot be reached', EHOSTUNREACH: 'the machine cannot be reached', ETIMEDOUT: 'it does not answer' }

function isSocket(path: string): boolean {
  try { return statSync(path).isSocket() } catch { return true }
}

function explain(error: NodeJS.ErrnoException, endpoint: Endpoint): Failure {
  const { address } = endpoint
  if (error.code === 'EACCES' || error.code === 'EPERM') return new Failure('denied', `no permission to use ${address}`, { cause: error, hint: 'run as root, or as a user who may write to the socket' })
  if (error.code === 'ENOENT') return new Failure('unavailable', `there is no socket ${endpoint.path ?? address}`, { cause: error, hint: `start the runtime, or name its socket with ${WAYS[endpoint.namedBy]}` })
  if (error.code === 'ENOTSOCK' || error.code === 'EPROTOTYPE') return new Failure('unavailable', `${endpoint.path ?? address} is not a socket that can be asked`, { cause: error })
  if (error.code === 'ENOTFOUND' || error.code === 'EAI_AGAIN') return new Failure('unavailable', `cannot connect to ${address}: the name ${endpoint.host} cannot be resolved`, { cause: error, hint: 'is it written right, and do the name servers answer?' })
  const why = error.code === undefined ? error.message : WHY[error.code] ?? error.code
  const hint = error.code === 'ECONNREFUSED' && endpoint.path !== undefined && !isSocket(endpoint.path) ? `that is no socket: name the runtime's with ${WAYS[endpoint.namedBy]}` : 'is the runtime running?'
  return new Failure('unavailable', `cannot connect to ${address}: ${why}`, { cause: error, hint })
}

const late = (): Error => new Error(`no answer within ${CONNECT_MS / 1000} s`)

const tryConnect = ({ path, host, port }: Place): Promise<ByteStream> => (path === undefined ? connectTcp(host!, port!) : connectUnix(path))

async function connectUnix(path: string): Promise<ByteStream> {
  for (const began = monotonicMs(); ;) {
    try {
      return openUnixStream(path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
      if (monotonicMs() - began > CONNECT_MS) throw late()
      await sleep(RETRY_MS) // so many wait already that the kernel takes nobody more for it
    }
  }
}

function connectTcp(host: string, port: number): Promise<ByteStream> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true })
    const settle = (error?: Error): void => {
      clearTimeout(timer)
      socket.removeAllListeners()
      if (!error) return resolve(socketStream(socket))
      socket.destroy()
      reject(error)
    }
    const timer = setTimeout(() => settle(late()), CONNECT_MS)
    socket.once('connect', () => settle()).once('error', settle)
  })
}

/** Why nobody can be spoken to there; undefined where somebody listens. */
export const whyNot = (endpoint: Place): Promise<NodeJS.ErrnoException | undefined> =>
  tryConnect(endpoint).then((connection) => { connection.close(); return undefined }, (error: NodeJS.ErrnoException) => error)

/** The first of the usual sockets that answers. @throws Failure unavailable: names each and why not */
export async function findEndpoint(sockets = USUAL_SOCKETS): Promise<Endpoint> {
  const errors = await Promise.all(sockets.map((path) => whyNot({ path })))
  const at = errors.findIndex((error) => error === undefined)
  if (at >= 0) return parseEndpoint(sockets[at]!)
  const reasons = sockets.map((path, index) => `${path} (${errors[index]!.code ?? errors[index]!.message})`)
  const denied = errors.some((error) => error!.code === 'EACCES')
  throw new Failure(denied ? 'denied' : 'unavailable', `found no container runtime at ${reasons.join(', ')}`, { hint: denied ? 'run as root' : `name its socket with ${WAYS.runtime}` })
}
