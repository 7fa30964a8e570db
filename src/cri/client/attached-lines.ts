// What a container writes from now on, through attach: the only way where its log file is not at hand.
import { AttachRequest, ContainerStatusRequest, RuntimeServiceService as Runtime } from '../wire/generated/runtime-v1.ts'
import { makeChannel } from './channel.ts'
import type { Connection } from './connection.ts'
import type { LogLine } from './log-lines.ts'
import { runRemoteCommand } from './remote-command.ts'

export interface AttachedLines { readonly runtime: Connection; readonly id: string; readonly signal: AbortSignal }

const NEWLINE = 0x0a
const MAX_LINE = 1 << 20

/** Until the container ends. Times are those of arrival. @throws unavailable, wrongState: it does not run */
export async function* attachedLines({ runtime, id, signal }: AttachedLines): AsyncGenerator<LogLine> {
  const { info } = await runtime.call(Runtime.containerStatus, ContainerStatusRequest.fromPartial({ containerId: id, verbose: true }))
  const tty = hasTerminal(info)
  const { url } = await runtime.call(Runtime.attach, AttachRequest.fromPartial({ containerId: id, stdin: false, stdout: true, stderr: !tty, tty }))
  const { push, end, fail, items } = makeChannel<LogLine>()
  const [stdout, stderr] = [lineCutter('stdout', push), lineCutter('stderr', push)]
  void runRemoteCommand({ url, transport: 'spdy', tty, signal, stdout: stdout.take, ...(tty ? {} : { stderr: stderr.take }) })
    .then(async () => { await stdout.rest(); await stderr.rest() }).then(end, (error: unknown) => (signal.aborted ? end() : fail(error)))
  yield* items
}

interface LineCutter { readonly take: (bytes: Uint8Array) => Promise<void>; readonly rest: () => Promise<void> }

function lineCutter(stream: LogLine['stream'], push: (line: LogLine) => Promise<void>): LineCutter {
  let left = Buffer.alloc(0)
  const send = (bytes: Buffer): Promise<void> => push({ time: new Date().toISOString(), stream, bytes })
  return {
    async take(bytes) {
      let all = Buffer.concat([left, bytes])
      for (let at = all.indexOf(NEWLINE); at >= 0 || all.length > MAX_LINE; at = all.indexOf(NEWLINE)) {
        const end = at >= 0 ? at + 1 : MAX_LINE
        await send(all.subarray(0, end))
        all = all.subarray(end)
      }
      left = all
    },
    rest: async () => { if (left.length > 0) await send(left) },
  }
}

/** containerd and CRI-O show the specification, scow what it was asked for. */
function hasTerminal(info: Readonly<Record<string, string>>): boolean {
  try {
    const told = JSON.parse(info['info'] ?? '{}') as { runtimeSpec?: { process?: { terminal?: boolean } }; config?: { tty?: boolean }; record?: { request?: { terminal?: boolean } } }
    return told.runtimeSpec?.process?.terminal ?? told.config?.tty ?? told.record?.request?.terminal ?? false
  } catch {
    return false
  }
}
