// A container that was just started, seen to its end: through its log where nothing goes in, else attached.
import { setTimeout as sleep } from 'node:timers/promises'
import { writeAll } from '../../write-all.ts'
import type { Connection } from '../../cri/client/connection.ts'
import type { ContainerStatus } from '../../cri/wire/generated/runtime-v1.ts'
import type { CriCall } from './command.ts'
import { joinStreams } from './streams.ts'

const NO_TLS = { tlsServerName: undefined, tlsCa: undefined, tlsCert: undefined, tlsKey: undefined }
const [RUNNING, EXITED] = [1, 2]
const POLL_MS = 100

interface Foreground { readonly containerId: string; readonly stdin: boolean; readonly tty: boolean }

/** @returns the container's exit code */
export async function showOutput(runtime: Connection, { containerId, stdin, tty }: Foreground, { interrupt }: CriCall): Promise<number> {
  const { RuntimeServiceService: Runtime, AttachRequest } = await import('../../cri/wire/generated/runtime-v1.ts')
  if (stdin || tty) {
    const { url } = await runtime.call(Runtime.attach, AttachRequest.fromPartial({ containerId, stdin, tty, stdout: true, stderr: !tty }))
    await joinStreams({ url, transport: 'spdy', tls: NO_TLS, stdin, tty, interrupt })
  } else {
    const { readLog } = await import('../../cri/client/log-lines.ts')
    const { logPath } = await statusOf(runtime, containerId)
    const isRunning = async (): Promise<boolean> => (await statusOf(runtime, containerId)).state === RUNNING
    for await (const { stream, bytes } of readLog(logPath, { isRunning, signal: interrupt.signal })) writeAll(stream === 'stderr' ? 2 : 1, bytes)
    if (interrupt.signal.aborted) throw interrupt.signal.reason
  }
  return waitForExit(runtime, containerId, interrupt.signal)
}

export async function statusOf(runtime: Connection, containerId: string): Promise<ContainerStatus> {
  const { RuntimeServiceService: Runtime, ContainerStatusRequest } = await import('../../cri/wire/generated/runtime-v1.ts')
  return (await runtime.call(Runtime.containerStatus, ContainerStatusRequest.fromPartial({ containerId }))).status!
}

export async function waitForExit(runtime: Connection, containerId: string, signal: AbortSignal): Promise<number> {
  for (;;) {
    const { state, exitCode } = await statusOf(runtime, containerId)
    if (state === EXITED) return exitCode
    await sleep(POLL_MS, undefined, { signal })
  }
}
