import { commaList, flag, integer, text } from '../../cli/option.ts'
import { writeAll } from '../../write-all.ts'
import { parseMoment } from '../../cli/value.ts'
import type { Connection } from '../../cri/client/connection.ts'
import type { LogLine } from '../../cri/client/log-lines.ts'
import type { ContainerStatus } from '../../cri/wire/generated/runtime-v1.ts'
import { Failure } from '../../errors.ts'
import { defineCri, openCri } from './command.ts'

export const spec = defineCri({
  name: 'logs',
  summary: 'Show what containers wrote; that of several is merged by time',
  args: [{ name: 'container', arity: 'some' }],
  argsOptionalWith: ['label', 'pod', 'name'],
  options: {
    follow: flag('-f, --follow', 'Go on while it runs'),
    label: commaList('--label <name=value>', 'Of all containers with this label'),
    limitBytes: integer('--limit-bytes <bytes>', 'No more than so many'),
    name: text('--name <regex>', 'Of all containers whose name matches'),
    pod: text('--pod <id>', 'Of all containers of this pod'),
    previous: flag('-p, --previous', 'What the container wrote the time before'),
    reopen: flag('-r, --reopen', 'Let the runtime open the log anew first'),
    since: text('--since <time>', 'From this time on: a time, or 10m'),
    stream: text('-s, --stream <name>', 'Only stdout or stderr'),
    tail: integer('--tail <lines>', 'Only the last so many lines'),
    timestamps: flag('-t, --timestamps', 'Put the time before each line'),
  },
  examples: ['cri logs -f 1f73f2d81bf98', 'cri logs --label app=web --since 10m'],
  async run(call) {
    const { options, given, interrupt, out } = call
    if (given.has('tail') && given.has('stream')) throw new Failure('invalid', 'give only one of --tail and --stream')
    if (options.stream !== undefined && options.stream !== '' && options.stream !== 'stdout' && options.stream !== 'stderr') throw new Failure('invalid', `invalid stream "${options.stream}"`, { hint: 'use stdout or stderr' })
    const sinceMs = sinceOf(options.since)
    const [{ mergeByTime, previousLog, shownTime }, { openLog }] = await Promise.all([import('../../cri/client/log-lines.ts'), import('../../cri/client/open-log.ts')])
    const { runtime } = await openCri(call)
    const ids = call.args.length > 0 ? call.args : await chosen(runtime, options)
    if (ids.length === 0) throw new Failure('notFound', 'no container matches')
    const open = async (id: string) => {
      if (options.reopen) await reopen(runtime, id)
      const status = await statusOf(runtime, id)
      const { metadata } = status
      if (status.logPath === '') throw new Failure('wrongState', `container ${id} has no log: none was asked for when it was created`)
      const path = options.previous ? previousLog(status.logPath, metadata?.attempt ?? 0, metadata?.name ?? id) : undefined
      return {
        name: `${metadata?.name ?? ''} ${status.id.slice(0, 13)}`.trim(),
        lines: await openLog(runtime, status, { path, tail: options.tail, sinceMs, follow: options.follow, signal: interrupt.signal, note: out.note }),
      }
    }
    const logs = await Promise.all(ids.map(open))
    const print = printer({ timeOf: options.timestamps ? shownTime : undefined, stream: options.stream, limit: options.limitBytes })
    const isSeveral = logs.length > 1
    if (options.follow && isSeveral) {
      await Promise.all(logs.map(async ({ name, lines }) => { for await (const line of lines) if (!print(line, name)) return }))
    } else {
      for await (const { name, line } of mergeByTime(logs)) if (!print(line, isSeveral ? name : undefined)) break
    }
    if (options.reopen) out.note('Container logs reopened')
    return 0
  },
})

function sinceOf(value: string | undefined): number | undefined {
  if (value === undefined || value === '') return undefined
  try {
    return parseMoment(value)
  } catch (error) {
    throw new Failure('invalid', `invalid value "${value}" for --since: ${(error as Error).message}`)
  }
}

interface Filters { readonly label: readonly string[]; readonly pod: string | undefined; readonly name: string | undefined }

async function chosen(runtime: Connection, { label, pod, name }: Filters): Promise<string[]> {
  const { findContainers, parseLabels } = await import('../../cri/client/containers.ts')
  return (await findContainers(runtime, runtime, { all: true, pod, name, labels: parseLabels(label) })).map(({ id }) => id)
}

async function statusOf(runtime: Connection, containerId: string): Promise<ContainerStatus> {
  const { RuntimeServiceService: Runtime, ContainerStatusRequest } = await import('../../cri/wire/generated/runtime-v1.ts')
  return (await runtime.call(Runtime.containerStatus, ContainerStatusRequest.fromPartial({ containerId }))).status!
}

async function reopen(runtime: Connection, containerId: string): Promise<void> {
  const { RuntimeServiceService: Runtime, ReopenContainerLogRequest } = await import('../../cri/wire/generated/runtime-v1.ts')
  await runtime.call(Runtime.reopenContainerLog, ReopenContainerLogRequest.fromPartial({ containerId }))
}

interface Manner { readonly timeOf: ((line: LogLine) => string) | undefined; readonly stream: string | undefined; readonly limit: number | undefined }

const NEWLINE = 0x0a

/** Prints a line, with the name of its container before it where there are several; one written in parts is one line. False: the limit is reached. */
function printer({ timeOf, stream, limit = -1 }: Manner): (line: LogLine, name?: string) => boolean {
  let left = limit < 0 ? Infinity : limit
  /** Whose line each stream is in the middle of. */
  const open: { stdout?: string | undefined; stderr?: string | undefined } = {}
  return (line, name = '') => {
    const { stream: from, bytes } = line
    if (stream && stream !== from) return true
    const head = open[from] === name ? '' : `${open[from] === undefined ? '' : '\n'}${name === '' ? '' : `[${name}] `}${timeOf ? `${timeOf(line)} ` : ''}`
    open[from] = bytes.at(-1) === NEWLINE ? undefined : name
    const text = Buffer.concat([Buffer.from(head), bytes]).subarray(0, left)
    writeAll(from === 'stderr' ? 2 : 1, text)
    left -= text.length
    return left > 0
  }
}
