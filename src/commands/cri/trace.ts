import { appendFileSync, closeSync, openSync, readFileSync } from 'node:fs'
import { flag, integer, text } from '../../cli/option.ts'
import { Failure } from '../../errors.ts'
import type { TracedCall } from '../../cri/client/trace/trace.ts'
import { defineCri, seeHelp, type CriCall } from './command.ts'

const TOP = 10
const OWNER_ONLY = 0o600

export const spec = defineCri({
  name: 'trace',
  summary: 'Stand between a kubelet and a runtime and show every call; or show a recording',
  description: 'Stand between a kubelet and a runtime and show every call with its time and its error: trace SOCKET --listen SOCKET2. Show a recording: trace show FILE.',
  args: [{ name: 'socket-or-show', arity: 'one' }, { name: 'file', arity: 'optional', complete: 'file' }],
  options: {
    listen: text('--listen <socket>', 'Socket to make, for the kubelet'),
    pod: text('--pod <name>', 'show: only the calls for this pod or container'),
    quiet: flag('-q, --quiet', 'Record only'),
    record: text('--record <file>', 'Write each call to a file as a line of JSON, without secrets', { complete: 'file' }),
    top: integer('--top <number>', 'show: how many of the slowest and of the failed calls; 10 by default'),
  },
  examples: ['cri trace /run/containerd/containerd.sock --listen /run/traced.sock --record calls.jsonl', 'cri trace show calls.jsonl'],
  async run(call) {
    const { args, options, out } = call
    if (args[0] === 'show') {
      if (args[1] === undefined) throw new Failure('invalid', 'no recording to show', { hint: 'give the file of --record' })
      const { story } = await import('../../cri/client/trace/story.ts')
      const page = story(readCalls(args[1], out.note), { pod: options.pod, top: options.top ?? TOP })
      if (page === '') throw new Failure('notFound', `no call in ${args[1]} is for ${options.pod}`)
      return out.write(page)
    }
    if (args.length > 1 || options.listen === undefined) throw new Failure('invalid', 'trace needs the socket of a runtime and --listen with the socket to make', { hint: seeHelp(call, 'trace') })
    return trace(call, { ...options, socket: args[0]!, listen: options.listen })
  },
})

interface Wanted { readonly socket: string; readonly listen: string; readonly record: string | undefined; readonly quiet: boolean }

async function trace({ interrupt, out }: CriCall, { socket, listen, record, quiet }: Wanted): Promise<number> {
  const [{ traceCalls }, { Names, callLine }, { checkEndpoint, parseEndpoint }] = await Promise.all([
    import('../../cri/client/trace/trace.ts'), import('../../cri/client/trace/story.ts'), import('../../cri/client/endpoint.ts'),
  ])
  const listenPath = listen.replace(/^unix:(\/\/)?/, '')
  if (/^\w+:\/\//.test(listenPath)) throw new Failure('invalid', `cannot listen on ${listen}: it is no unix socket`, { hint: 'give a path such as /run/traced.sock' })
  const target = parseEndpoint(socket)
  await checkEndpoint(target)
  let file = record === undefined ? undefined : openRecord(record)
  const names = new Names()
  try {
    await traceCalls({ target, listen: listenPath, signal: interrupt.signal, onNote: (line) => out.note(line), onListening: () => out.note(`${listenPath} -> ${target.address}`), onCall: (seen) => {
      try {
        if (file !== undefined) appendFileSync(file, `${JSON.stringify(seen)}\n`)
      } catch (error) {
        // a full disk must not end what a kubelet talks through
        out.note(`recording ends: cannot write ${record}: ${(error as NodeJS.ErrnoException).code}`)
        closeSync(file!)
        file = undefined
      }
      if (!quiet) out.line(callLine(seen, names))
    } })
  } finally {
    if (file !== undefined) closeSync(file)
  }
  return 0
}

function openRecord(path: string): number {
  try {
    return openSync(path, 'a', OWNER_ONLY)
  } catch (error) {
    throw new Failure('denied', `cannot write ${path}: ${(error as NodeJS.ErrnoException).code}`, { cause: error })
  }
}

/** A trace that was killed, or whose disk was full, leaves the half of a line. */
function readCalls(path: string, note: (text: string) => void): TracedCall[] {
  let content: string
  try {
    content = readFileSync(path, 'utf8')
  } catch (error) {
    throw new Failure('notFound', `cannot read ${path}: ${(error as NodeJS.ErrnoException).code}`, { cause: error })
  }
  const lines = content.split('\n').map((line, at) => ({ at: at + 1, line, call: line.trim() === '' ? undefined : callIn(line) })).filter(({ line }) => line.trim() !== '')
  const wrong = lines.filter(({ call }) => call === undefined)
  if (wrong.length > 0 && wrong.length === lines.length) throw new Failure('invalid', `${path}:${wrong[0]!.at} is no line of a recording`)
  if (wrong.length > 0) note(`left out, as no lines of a recording: ${wrong.length}, the first at ${path}:${wrong[0]!.at}`)
  return lines.flatMap(({ call }) => call ?? [])
}

function callIn(line: string): TracedCall | undefined {
  try {
    const value = JSON.parse(line) as TracedCall | null
    return typeof value?.rpc === 'string' && typeof value.durationMs === 'number' && typeof value.time === 'string' ? value : undefined
  } catch {
    return undefined
  }
}
