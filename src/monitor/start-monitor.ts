// One start of conmon: its pipes, its cgroup, and its first answer.
import { closeSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '../errors.ts'
import { expectCgroupMoves } from '../process/cgroup-moves.ts'
import { DEFAULT_PATH, drain, startChild, type Child } from '../process/child.ts'
import { ownTurn } from '../process/own-turn.ts'
import { pipe, socketPair } from '../sys/addon.ts'
import { attachOver, type Attachment } from './attach.ts'
import { monitorCgroupFiles, moveToScope } from './cgroup.ts'
import type { MonitorOptions } from './launch.ts'
import { logArgs } from './log-target.ts'
import { openMessagePipe, type Message, type MessagePipe } from './message-pipe.ts'

export interface StartedMonitor {
  /** With `client`; the caller closes it. */
  readonly attachment: Attachment | undefined
  /** The pid of what the runtime started. Failure as `launchMonitor` says. */
  answer(): Promise<Message>
  /** A later report: the exit code of an exec session. */
  next(): Promise<Message | undefined>
  /** With `attachPipe`: resolves when the attach socket is there. */
  attachable(): Promise<void>
  /** Lets an exec session's process start, after `attachable`. */
  proceed(): void
  /** Known once it has answered. */
  monitorPid(): number
  /** Closes what this process holds of it. */
  letGo(): void
}

const DEADLINE_MS = 240_000
const LAST_WORDS_MS = 500
const ATTACHABLE_MS = 10_000

export interface StartOptions extends MonitorOptions {
  /** Have it tell when its attach sockets are there, and wait for `proceed`. */
  readonly attachPipe?: boolean
  /** Attach to it from the start. Our monitor only. */
  readonly client?: boolean
}

export const startMonitor = async (options: StartOptions, args: readonly string[], stdio?: readonly [number, number, number]): Promise<StartedMonitor> => {
  const { signal, deadlineMs = DEADLINE_MS } = options
  await ownTurn()
  if (signal?.aborted) throw cancelled(signal)
  // A pid file of an earlier start would name another process.
  for (const file of [options.pidFile, options.monitorPidFile]) rmSync(file, { force: true })
  const sync = openMessagePipe()
  const attach = options.attachPipe ? openMessagePipe() : undefined
  const client = options.client ? socketPair() : undefined
  const start = pipe('none')
  const errors = stdio ? undefined : pipe('read')
  const fds = [...(stdio ?? [-1, -1, errors!.write]), ...(options.extraFds ?? []), start.read, sync.childFd, ...(attach ? [attach.childFd] : []), ...(client ? [client.other] : [])]
  let child: Child
  try {
    child = startChild(options.monitor.path, [...sharedArgs(options), ...(client ? ['--client-fd', String(fds.length - 1)] : []), ...args], {
      fds, session: true, cgroupFiles: monitorCgroupFiles(options.cgroup), env: environment(options, fds.indexOf(start.read), attach !== undefined),
    })
  } catch (error) {
    for (const fd of [start.write, errors?.read, client?.read, client?.write]) if (fd !== undefined) closeSync(fd)
    sync.close()
    attach?.close()
    throw error
  } finally {
    for (const fd of [start.read, errors?.write, client?.other]) if (fd !== undefined) closeSync(fd)
    sync.handedOn()
    attach?.handedOn()
  }
  expectCgroupMoves()
  const said: Buffer[] = []
  const listening = errors && drain(errors.read, (chunk) => { said.push(chunk) })
  const gate = makeGate(start.write)
  await moveToScope(child.pid, options.cgroup)
  gate.open()
  if (!attach) gate.close()
  const spoken = async (): Promise<string> => {
    // Its last words may come after its end.
    await Promise.race([listening?.done, sleep(LAST_WORDS_MS, undefined, { ref: false })])
    return Buffer.concat(said).toString()
  }
  const bounded = <T>(promise: Promise<T>, ms: number): Promise<T> => race(promise, { ms, signal, kill: () => killMonitor(child, options.monitorPidFile) })
  return {
    attachment: client && attachOver(client),
    answer: async () => checked(await bounded(firstMessage(sync, child), deadlineMs), { spoken, options }),
    next: () => sync.next(),
    attachable: async () => {
      if (await bounded(attach!.next(), ATTACHABLE_MS)) return
      throw await failureOf(await sync.next(), { spoken, options })
    },
    proceed: () => {
      gate.open()
      gate.close()
    },
    monitorPid: () => Number(readFileSync(options.monitorPidFile, 'utf8')),
    letGo: () => {
      gate.close()
      sync.close()
      attach?.close()
      listening?.stop()
    },
  }
}

const sharedArgs = (o: MonitorOptions): string[] => [
  '--api-version', '1', '--cid', o.id, '--name', o.name, '--runtime', o.runtime,
  ...o.runtimeArgs.flatMap((arg) => ['--runtime-arg', arg]),
  ...(o.systemdCgroup ? ['--systemd-cgroup'] : []),
  '--container-pidfile', o.pidFile, '--conmon-pidfile', o.monitorPidFile, '--full-attach',
  '--exit-dir', o.exitDir, '--persist-dir', o.persistDir,
  ...logArgs(o.log, o.monitor),
  ...(o.terminal ? ['--terminal'] : []), ...(o.stdin ? ['--stdin'] : []),
  ...(o.exitCommand ?? []).flatMap((arg, i) => [i === 0 ? '--exit-command' : '--exit-command-arg', arg]),
  ...(o.exitDelaySeconds ? ['--exit-delay', String(o.exitDelaySeconds)] : []),
  ...(o.timeoutSeconds ? ['--timeout', String(o.timeoutSeconds)] : []),
  ...(o.logLevel === undefined ? [] : ['--log-level', o.logLevel]),
]

const environment = ({ env = { PATH: DEFAULT_PATH } }: MonitorOptions, startFd: number, attach: boolean): Record<string, string> => ({
  ...env, _OCI_STARTPIPE: String(startFd), _OCI_SYNCPIPE: String(startFd + 1), ...(attach ? { _OCI_ATTACHPIPE: String(startFd + 2) } : {}),
})

/** The monitor waits for a byte: once before it does anything, and in attached exec sessions once more. */
const makeGate = (fd: number) => {
  let closed = false
  return {
    open: (): void => {
      try {
        writeSync(fd, '\0')
      } catch (error) {
        // It has ended already: what it reported says why.
        if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error
      }
    },
    close: (): void => {
      if (!closed) closeSync(fd)
      closed = true
    },
  }
}

/** A monitor that refuses its options ends with a text and no message; one that works forks, and its parent ends with 0. */
const firstMessage = async (sync: MessagePipe, child: Child): Promise<Message | undefined> => {
  const message = await sync.next()
  await child.exited
  return message
}

interface Circumstances { readonly spoken: () => Promise<string>; readonly options: MonitorOptions }

const checked = async (message: Message | undefined, circumstances: Circumstances): Promise<Message> => {
  if (message && message.data > 0) return message
  throw await failureOf(message, circumstances)
}

const failureOf = async (message: Message | undefined, { spoken, options }: Circumstances): Promise<Error> =>
  message?.message
    ? options.explain(message.message)
    : new Failure('unavailable', `${options.monitor.path} failed: ${(await spoken()).trim().split('\n').at(-1) || 'it ended without a word'}`)

interface Bounds { readonly ms: number; readonly signal: AbortSignal | undefined; readonly kill: () => void }

const race = <T>(promise: Promise<T>, { ms, signal, kill }: Bounds): Promise<T> =>
  new Promise((resolve, reject) => {
    const stop = (failure: Failure): void => {
      kill()
      finish(() => reject(failure))
    }
    const timer = setTimeout(() => stop(new Failure('timeout', `the OCI runtime did not create the process within ${ms / 1000} s`)), ms)
    const onAbort = (): void => stop(cancelled(signal!))
    const finish = (act: () => void): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      act()
    }
    signal?.addEventListener('abort', onAbort, { once: true })
    promise.then((value) => finish(() => resolve(value)), (error: unknown) => finish(() => reject(error)))
  })

/** The runtime dies with the monitor that started it (PDEATHSIG). */
const killMonitor = (child: Child, pidFile: string): void => {
  child.killGroup()
  try {
    const pid = Number(readFileSync(pidFile, 'utf8'))
    if (Number.isSafeInteger(pid) && pid > 1) process.kill(pid, 'SIGKILL')
  } catch (error) {
    if (!['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  }
}

const cancelled = (signal: AbortSignal): Failure => new Failure('cancelled', 'the start of the container was cancelled', { cause: signal.reason })
