// Streams of a CRI runtime joined to the caller's: exec, attach, and a container that runs in the foreground.
import { setTimeout as sleep } from 'node:timers/promises'
import { loadConfig } from '../../config.ts'
import type { AttachIo } from '../../engine/attach-io.ts'
import { detachScanner } from '../../engine/detach-keys.ts'
import type { Executed, ExecRequest } from '../../engine/exec-container.ts'
import { Failure } from '../../errors.ts'
import { writeAll } from '../../write-all.ts'
import type { AttachManner } from '../container/acts.ts'
import { connectStreams, proxySignals } from '../container/terminal.ts'
import type { Remote } from './client.ts'
import { startContainer, stopContainer } from './containers.ts'
import { phaseOf, statusOf, type Told } from './rows.ts'

interface Join { readonly url: string; readonly io: AttachIo; readonly terminal: boolean }

/** @returns the exit code where the other side tells one */
async function join(remote: Remote, { url, io, terminal }: Join): Promise<number | 'detached'> {
  const { runRemoteCommand } = await import('../../cri/client/remote-command.ts')
  const left = new AbortController()
  const { stdin, stdout, stderr, resize, detachKeys = [] } = io
  const write = (sink: NonNullable<AttachIo['stdout']>) => (bytes: Uint8Array): Promise<void> => new Promise((resolve, reject) => { sink.write(bytes, (error) => (error ? reject(error) : resolve())) })
  try {
    return await runRemoteCommand({
      url, transport: 'spdy', tty: terminal, signal: AbortSignal.any([remote.signal, left.signal]), ...(stdin ? { stdin: watched(stdin, detachKeys, left) } : {}), ...(resize ? { resize } : {}),
      ...(stdout ? { stdout: write(stdout) } : {}), ...(stderr ? { stderr: write(stderr) } : {}),
    })
  } catch (error) {
    if (left.signal.aborted) return 'detached'
    throw error
  } finally {
    stdin?.destroy()
  }
}

async function* watched(stdin: AsyncIterable<Buffer>, keys: readonly number[], left: AbortController): AsyncGenerator<Buffer> {
  const scan = detachScanner(keys)
  for await (const chunk of stdin) {
    const { pass, detach } = scan(chunk)
    if (pass.length > 0) yield pass
    if (detach) return left.abort()
  }
}

/** @throws Failure wrongState: it does not run */
export async function execContainer(remote: Remote, containerId: string, { command, terminal = false, stdin = false, io = {} }: ExecRequest): Promise<Executed> {
  const { wire, runtime } = remote
  const { status } = await statusOf(remote, containerId)
  const phase = phaseOf(status.state)
  if (phase !== 'running') throw new Failure('wrongState', `cannot exec: container ${status.metadata?.name ?? containerId.slice(0, 12)} is not running (${phase})`, { hint: phase === 'created' ? 'start it first: scow start' : 'run it anew: the CRI starts a container only once' })
  const { url } = await runtime.call(wire.RuntimeServiceService.exec, wire.ExecRequest.fromPartial({ containerId, cmd: [...command], tty: terminal, stdin, stdout: true, stderr: !terminal }))
  const end = await join(remote, { url, io, terminal })
  return end === 'detached' ? { sessionId: '' } : { sessionId: '', exitCode: end }
}

const hasTerminal = ({ runtimeSpec, config, record }: Told): boolean => runtimeSpec?.process?.['terminal'] ?? config?.tty ?? record?.request.terminal ?? false
/** Some runtimes do not tell: there what is typed is offered. */
const takesInput = ({ config, record }: Told): boolean => record?.request.stdin ?? config?.stdin ?? config === undefined

const keysOf = (given: string | undefined): string => given ?? loadConfig().engine.detachKeys

export async function attachContainer(remote: Remote, id: string, { stdin, detachKeys, interrupt }: AttachManner): Promise<number> {
  const { status, told } = await statusOf(remote, id)
  if (phaseOf(status.state) !== 'running') throw new Failure('wrongState', `cannot attach: container ${status.metadata?.name ?? id.slice(0, 12)} is not running (${phaseOf(status.state)})`)
  const terminal = hasTerminal(told)
  const { io, restore } = connectStreams({ stdin: stdin && takesInput(told), terminal, detachKeys: keysOf(detachKeys), interrupt })
  try {
    if (await attach(remote, { id, io, terminal }) === 'detached') return 0
  } finally {
    restore()
  }
  return exitOf(remote, id)
}

interface Attachment { readonly id: string; readonly io: AttachIo; readonly terminal: boolean }

async function attach(remote: Remote, { id, io, terminal }: Attachment): Promise<number | 'detached'> {
  const { wire, runtime } = remote
  const { url } = await runtime.call(wire.RuntimeServiceService.attach, wire.AttachRequest.fromPartial({
    containerId: id, stdin: io.stdin !== undefined, tty: terminal, stdout: io.stdout !== undefined, stderr: io.stderr !== undefined && !terminal,
  }))
  return join(remote, { url, io, terminal })
}

const POLL_MS = 100

async function exitOf(remote: Remote, id: string): Promise<number> {
  for (;;) {
    const { status } = await statusOf(remote, id)
    if (phaseOf(status.state) === 'exited') return status.exitCode
    await sleep(POLL_MS, undefined, { signal: remote.signal }).catch(() => { throw remote.signal.reason })
  }
}

export interface Foreground extends AttachManner { readonly stdout?: boolean; readonly stderr?: boolean; readonly onStarted?: (id: string) => void }

/**
 * Starts a container and sees it to its end. Its output comes from its log, so that none is lost that it writes before
 * anybody is attached; with a terminal over the terminal. Signals that end a program stop the container.
 * @returns its exit code; undefined when the user left
 */
export async function startInForeground(remote: Remote, id: string, { stdin, stdout = true, stderr = true, detachKeys, sigProxy, interrupt, onStarted }: Foreground): Promise<number | undefined> {
  const { told } = await statusOf(remote, id)
  const terminal = hasTerminal(told)
  const { io, restore } = connectStreams({ stdin: stdin && takesInput(told), stdout, stderr, terminal, detachKeys: keysOf(detachKeys), interrupt })
  const release = sigProxy && !terminal ? proxySignals(interrupt, async (signal) => { if (ENDING.includes(signal)) await stopContainer(remote, id) }) : undefined
  try {
    await startContainer(remote, id)
    onStarted?.(id)
    if (terminal) {
      const end = await attach(remote, { id, io, terminal }).catch((error: unknown) => endedBefore(remote, id, error))
      if (end === 'detached') return undefined
      if (end === 'ended') await showLog(remote, id, { stdout, stderr })
    } else {
      const feeding = io.stdin ? feed(remote, { id, io: { stdin: io.stdin }, terminal }) : undefined
      feeding?.catch(() => {}) // it is awaited below; until then the log may fail first
      await showLog(remote, id, { stdout, stderr })
      await feeding
    }
    return await exitOf(remote, id)
  } finally {
    release?.()
    restore()
  }
}

const ENDING: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']

/** A container that has ended already cannot be attached to, and need not be. */
async function endedBefore(remote: Remote, id: string, error: unknown): Promise<'ended'> {
  if (phaseOf((await statusOf(remote, id)).status.state) !== 'exited') throw error
  return 'ended'
}

async function feed(remote: Remote, attachment: Attachment): Promise<void> {
  await attach(remote, attachment).catch((error: unknown) => endedBefore(remote, attachment.id, error))
}

async function showLog(remote: Remote, id: string, shown: { readonly stdout: boolean; readonly stderr: boolean }): Promise<void> {
  const { readLog } = await import('../../cri/client/log-lines.ts')
  const { status } = await statusOf(remote, id)
  const isRunning = async (): Promise<boolean> => phaseOf((await statusOf(remote, id)).status.state) === 'running'
  for await (const { stream, bytes } of readLog(status.logPath, { isRunning, signal: remote.signal })) if (shown[stream]) writeAll(stream === 'stderr' ? 2 : 1, bytes)
  remote.signal.throwIfAborted()
}
