// What an exec or attach does, whatever carries its streams.
import type { Readable, Writable } from 'node:stream'
import { attachContainer } from '../../../engine/attach-container.ts'
import { execContainer } from '../../../engine/exec-container.ts'
import { log } from '../../../log.ts'
import type { Server } from '../server.ts'

export type CommandRequest = { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean; readonly tty: boolean; readonly containerId: string } & (
  | { readonly kind: 'exec'; readonly command: readonly string[] }
  | { readonly kind: 'attach' })

/** Absent: not asked for. */
export interface CommandStreams {
  readonly stdin?: Readable
  readonly stdout?: Writable
  readonly stderr?: Writable
  readonly resize?: AsyncIterable<{ rows: number; columns: number }>
}

/** How it went: `exitCode` of an exec; `message` where it could not be run at all. */
export type CommandEnd = { readonly exitCode: number } | { readonly message: string }

export async function runCommand({ engine }: Pick<Server, 'engine'>, request: CommandRequest, { streams, signal }: { streams: CommandStreams; signal: AbortSignal }): Promise<CommandEnd> {
  const io = { ...streams, signal }
  try {
    if (request.kind === 'attach') {
      await attachContainer(engine, request.containerId, io)
      return { exitCode: 0 }
    }
    const { exitCode = 0 } = await execContainer(engine, request.containerId, { command: request.command, terminal: request.tty, stdin: request.stdin, io })
    return { exitCode }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    log.info(`${request.kind} in ${request.containerId.slice(0, 12)}: ${message}`)
    return { message }
  }
}

/** As v4 and later protocols want it on the error stream: a Status of Kubernetes' meta/v1. */
export function statusText(end: CommandEnd): string {
  if ('message' in end) return JSON.stringify({ metadata: {}, status: 'Failure', message: end.message, reason: 'InternalError', code: 500 })
  if (end.exitCode === 0) return JSON.stringify({ metadata: {}, status: 'Success' })
  return JSON.stringify({
    metadata: {}, status: 'Failure', reason: 'NonZeroExitCode', message: `command terminated with non-zero exit code: exit status ${end.exitCode}`,
    details: { causes: [{ reason: 'ExitCode', message: String(end.exitCode) }] },
  })
}

/** Older protocols: a text, nothing for success. */
export const plainStatusText = (end: CommandEnd): string =>
  ('message' in end ? end.message : end.exitCode === 0 ? '' : `command terminated with non-zero exit code: exit status ${end.exitCode}`)

const MAX_SIZE_BYTES = 4096

/** Sizes from a stream of JSON objects `{"Width":80,"Height":24}`. */
export async function* sizesOf(stream: AsyncIterable<Buffer>): AsyncGenerator<{ rows: number; columns: number }> {
  let text = ''
  for await (const chunk of stream) {
    text += chunk.toString('latin1')
    for (let end = text.indexOf('}'); end >= 0; end = text.indexOf('}')) {
      const size = parseSize(text.slice(0, end + 1))
      text = text.slice(end + 1)
      if (size) yield size
    }
    if (text.length > MAX_SIZE_BYTES) return
  }
}

export function parseSize(text: string): { rows: number; columns: number } | undefined {
  try {
    const { Width: columns, Height: rows } = JSON.parse(text) as { Width?: unknown; Height?: unknown }
    return isSize(columns) && isSize(rows) ? { rows, columns } : undefined
  } catch {
    return undefined
  }
}

const isSize = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 0 && (value as number) < 65_536
