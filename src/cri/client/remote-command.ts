// exec and attach: what goes in, what comes out, and how it ended, over SPDY or WebSocket.
import { Failure, isFailure } from '../../errors.ts'
import { log } from '../../log.ts'
import { openSpdySession, type SpdyStream } from './spdy.ts'
import { streamingUrl, tlsOptions, upgradeToSpdy, type TlsFiles } from './upgrade.ts'

export interface WindowSize { readonly rows: number; readonly columns: number }

export interface RemoteCommand {
  readonly url: string
  readonly transport: 'spdy' | 'websocket'
  readonly tls?: TlsFiles
  /** Undefined: nothing is read. */
  readonly stdin?: AsyncIterable<Uint8Array> | undefined
  readonly stdout?: ((bytes: Uint8Array) => void | Promise<void>) | undefined
  readonly stderr?: ((bytes: Uint8Array) => void | Promise<void>) | undefined
  readonly tty: boolean
  readonly resize?: AsyncIterable<WindowSize> | undefined
  readonly signal: AbortSignal
}

const PROTOCOLS = ['v4.channel.k8s.io', 'v3.channel.k8s.io', 'v2.channel.k8s.io', 'channel.k8s.io']
const WEBSOCKET_PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io']

/** @returns the exit code, 0 where there is none to know. @throws Failure unavailable: cut before its end */
export async function runRemoteCommand(command: RemoteCommand): Promise<number> {
  let said = ''
  let unwritten: { readonly error: unknown } | undefined
  const heard = (sink: RemoteCommand['stdout']): RemoteCommand['stdout'] => sink && (async (bytes) => {
    said = (said + Buffer.from(bytes.subarray(-MOST_HEARD)).toString('latin1')).slice(-MOST_HEARD)
    try {
      await sink(bytes)
    } catch (error) {
      unwritten ??= { error }
      throw error
    }
  })
  // docker says it on the output of the command
  const listening = { ...command, stdout: heard(command.stdout), stderr: heard(command.stderr) }
  try {
    return codeOfExec(await (command.transport === 'websocket' ? overWebSocket(listening) : overSpdy(listening)), said)
  } catch (error) {
    // a stream that breaks because its bytes could not be passed on is not the fault of who sends them
    throw unwritten ? unwritten.error : error
  }
}

/** Of the end of what a command says. */
const MOST_HEARD = 2000
const NOT_STARTED = /^(?:time="[^"\n]*" level=error msg="|OCI runtime exec failed: )exec failed: unable to start container process: /m
/** What CRI-O and docker have for every command that could not be started, after the message of runc. */
const AS_IF_ENDED: ReadonlySet<number> = new Set([255, -1, 126])

/** The code of a command that ended; of one that never began 127 where it is not there, 126 where it cannot be run. */
export const codeOfExec = (code: number, said: string): number => (AS_IF_ENDED.has(code) && NOT_STARTED.test(said) ? (isMissingCommand(said) ? 127 : 126) : code)

async function overSpdy(command: RemoteCommand): Promise<number> {
  const { stdin, stdout, stderr, tty, resize, signal } = command
  const upgraded = await upgradeToSpdy({ url: command.url, protocols: PROTOCOLS, ...(command.tls ? { tls: command.tls } : {}), signal })
  const session = openSpdySession(upgraded.socket, upgraded.head)
  const abort = (): void => { upgraded.socket.destroy() }
  signal.addEventListener('abort', abort, { once: true })
  const problem: Buffer[] = []
  const receive = (type: string, data?: (bytes: Buffer) => void | Promise<void>): Promise<boolean> => new Promise((resolve) => {
    session.open({ streamtype: type }, { ...(data ? { data } : {}), end: (wasReset) => resolve(!wasReset) })
  })
  const errorEnded = receive('error', (bytes) => { problem.push(Buffer.from(bytes)) })
  const input = stdin ? session.open({ streamtype: 'stdin' }, {}) : undefined
  const outputs = [...(stdout ? [receive('stdout', stdout)] : []), ...(stderr && !tty ? [receive('stderr', stderr)] : [])]
  // the end of the command ends both, wherever they are
  // runtimes wait for this one too before they begin
  const sizes = tty ? session.open({ streamtype: 'resize' }, {}) : undefined
  if (input) feed(input, stdin!, tty).catch(() => {})
  if (sizes && resize) sendSizes(resize, (json) => sizes.write(Buffer.from(json))).catch(() => {})
  try {
    const isWhole = await errorEnded
    const said = Buffer.concat(problem)
    await Promise.race([Promise.all(outputs), session.closed])
    if (signal.aborted) throw signal.reason
    if (!isWhole && said.length === 0) throw cut(command.url)
    return exitCodeOf(said, upgraded.protocol)
  } finally {
    signal.removeEventListener('abort', abort)
    session.close()
  }
}

/** A terminal has no end of its input: containerd would close the whole of it. */
async function feed(stream: SpdyStream, source: AsyncIterable<Uint8Array>, tty: boolean): Promise<void> {
  for await (const chunk of source) await stream.write(chunk)
  if (!tty) stream.end()
}

async function sendSizes(sizes: AsyncIterable<WindowSize>, send: (json: string) => void | Promise<void>): Promise<void> {
  for await (const { rows, columns } of sizes) if (rows > 0 && columns > 0) await send(JSON.stringify({ Width: columns, Height: rows }))
}

const cut = (url: string): Failure => new Failure('unavailable', `the stream from ${streamingUrl(url).host} was cut before the command ended`, { hint: 'the command may still run: look with ps or inspect' })

/** How runtimes say that the command is not there. What the runtime itself lacks, such as a namespace of a dead pod, is told in the same words. */
export const isMissingCommand = (message: string): boolean => /executable file not found|no such file or directory|no such command/.test(message) && !/namespace path|\/proc\/\d+\//.test(message)

/** What the runtime says of a start or an exec that failed, by what it means: containerd has one code for all. */
export function asStartFailure(error: unknown): unknown {
  if (!isFailure(error, 'cannotInvoke')) return error
  const kind = isMissingCommand(error.message) ? 'commandNotFound' : /is in CONTAINER_\w+ state/.test(error.message) ? 'wrongState' : undefined
  return kind === undefined ? error : new Failure(kind, error.message, { cause: error })
}

const [STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE] = [0, 1, 2, 3, 4, 255]
const HIGH_WATER = 1024 * 1024
const NORMAL_CLOSE = 1000

async function overWebSocket(command: RemoteCommand): Promise<number> {
  const { stdin, stdout, stderr, tty, resize, signal } = command
  const { WebSocket } = await import('ws')
  const url = streamingUrl(command.url)
  const address = url.href.replace(/^http/, 'ws')
  const socket = new WebSocket(address, WEBSOCKET_PROTOCOLS, { ...(url.protocol === 'https:' ? await tlsOptions(command.tls) : {}), perMessageDeflate: false })
  socket.binaryType = 'nodebuffer'
  const abort = (): void => { socket.terminate() }
  signal.addEventListener('abort', abort, { once: true })
  const problem: Buffer[] = []
  let unended: NodeJS.Timeout | undefined
  let work: Promise<void> = Promise.resolve()
  socket.on('message', (message: Buffer) => {
    const bytes = message.subarray(1)
    if (message.length === 0 || (message[0] !== CLOSE && bytes.length === 0)) return
    if (message[0] === ERROR) problem.push(bytes)
    const write = message[0] === STDOUT ? stdout : message[0] === STDERR ? stderr : undefined
    if (!write) return
    work = work.then(() => write(bytes))
    work.catch(() => socket.terminate()) // thrown where the work is waited for
  })
  const frame = (channel: number, bytes: Uint8Array): Promise<void> => new Promise((resolve) => {
    if (socket.readyState !== WebSocket.OPEN) return resolve()
    socket.send(Buffer.concat([Buffer.from([channel]), bytes]), () => { if (socket.bufferedAmount < HIGH_WATER) resolve(); else setImmediate(resolve) })
  })
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('open', () => resolve())
      socket.once('error', (error) => reject(signal.aborted ? signal.reason : new Failure('unavailable', `cannot stream from ${url.host}: ${error.message}`, { cause: error })))
    })
    const closed = new Promise<number>((resolve) => { socket.once('close', (code) => resolve(code)); socket.on('error', () => {}) })
    if (stdin) {
      feedSocket(stdin, { frame, canClose: socket.protocol.startsWith('v5') && !tty })
        .then(() => { if (!socket.protocol.startsWith('v5') && !tty) unended = setTimeout(warnOfInput, WAIT_FOR_END_MS) })
        .catch(() => {})
    }
    if (tty && resize) sendSizes(resize, (json) => frame(RESIZE, Buffer.from(json))).catch(() => {})
    const code = await closed
    await work
    if (signal.aborted) throw signal.reason
    const said = Buffer.concat(problem)
    if (said.length === 0 && code !== NORMAL_CLOSE) throw cut(command.url)
    return exitCodeOf(said, socket.protocol)
  } finally {
    clearTimeout(unended)
    signal.removeEventListener('abort', abort)
    socket.terminate()
  }
}

interface Feeding { readonly frame: (channel: number, bytes: Uint8Array) => Promise<void>; readonly canClose: boolean }

/** A command that needs no more input ends by then. */
const WAIT_FOR_END_MS = 1000

const warnOfInput = (): void => log.warn('the WebSocket of this runtime cannot tell a command that its input has ended: if it waits for that, interrupt it and use --transport spdy')

/** Before v5 the end of the input cannot be told. */
async function feedSocket(source: AsyncIterable<Uint8Array>, { frame, canClose }: Feeding): Promise<void> {
  for await (const chunk of source) await frame(STDIN, chunk)
  if (canClose) await frame(CLOSE, Buffer.from([STDIN]))
}

/** From v4 on a Status as JSON; before, text where something went wrong. @throws Failure cannotInvoke */
function exitCodeOf(said: Buffer, protocol: string): number {
  if (said.length === 0) return 0
  const text = said.toString('utf8')
  let status: { status?: string; reason?: string; message?: string; details?: { causes?: { reason?: string; message?: string }[] } } = {}
  try {
    status = JSON.parse(text)
  } catch {
    throw new Failure('cannotInvoke', `${text.trim()}${protocol === '' ? '' : ` (${protocol})`}`)
  }
  if (status.status === 'Success') return 0
  const code = status.reason === 'NonZeroExitCode' ? status.details?.causes?.find(({ reason }) => reason === 'ExitCode')?.message : undefined
  if (code !== undefined && /^\d+$/.test(code)) return Number(code)
  const message = status.message ?? text
  throw new Failure(isMissingCommand(message) ? 'commandNotFound' : 'cannotInvoke', message)
}
