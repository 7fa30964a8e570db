import { flag, integer, text } from '../../cli/option.ts'
import { writeAll } from '../../write-all.ts'
import { exitCodeOf, Failure, isFailure } from '../../errors.ts'
import { defineCommand } from '../command.ts'
import { openCri, type Cri, type CriCall } from './command.ts'
import { containerFilters, tlsOptions, transport } from './options.ts'
import { joinStreams, needTerminal, type TlsFlags } from './streams.ts'

const { namespace: _, ...filters } = containerFilters
const FILTERS = ['name', 'pod', 'image', 'state', 'label', 'latest', 'last'] as const
/** As timeout(1) has it. */
const EXIT_CODES = { timeout: 124 }
/** What the runtime may need beyond the command's own time. */
const GRACE_MS = 10_000

/** Exit codes of its own (125 and so on) begin where those of commands end; the command's own code passes through. */
export const spec = defineCommand({
  name: 'exec',
  summary: 'Run a command in running containers',
  description: 'Run a command in a running container, or in all that the filters choose. Ends with the command\'s own exit code; 124 is a command of --sync whose --timeout was over, 125 and above are failures before it.',
  args: [{ name: 'container-and-command', arity: 'words' }],
  passThrough: true,
  exitCodes: EXIT_CODES,
  options: {
    ...filters,
    ignoreErrors: flag('-e, --ignore-errors', 'End with 0 whatever the commands say'),
    interactive: flag('-i, --interactive', 'Pass on standard input'),
    parallel: flag('-x, --parallel', 'In all containers at once'),
    quiet: flag('-q, --quiet', 'Do not print the ids of the containers'),
    state: text('--state <state>', 'created, running, exited or unknown'),
    sync: flag('-s, --sync', 'Without streams: the output comes when the command has ended'),
    timeout: integer('--timeout <seconds>', 'End a command of --sync after so long'),
    transport,
    tty: flag('-t, --tty', 'Make a terminal'),
    ...tlsOptions,
  },
  examples: ['cri exec -it 1f73f2d81bf98 sh', 'cri exec --sync 1f73f2d81bf98 cat /etc/hosts', 'cri exec -x --label app=web uname -a'],
  async run(call) {
    const { args, options, given, out } = call
    const isFiltered = FILTERS.some((key) => given.has(key))
    const command = isFiltered ? args : args.slice(1)
    if (command.length === 0) throw new Failure('invalid', isFiltered || args.length > 0 ? 'no command to run' : 'no container named', { hint: 'give a container, or a filter such as --name, and a command' })
    if (!options.sync) needTerminal(options.interactive, options.tty)
    const cri = await openCri(call)
    const ids = isFiltered ? await chosen(cri, options) : [args[0]!]
    if (ids.length === 0) throw new Failure('notFound', 'no container matches')
    const act = async (id: string): Promise<number> => {
      if (isFiltered && !options.quiet && !options.parallel) out.line(`${id}:`)
      try {
        return await (options.sync ? execSync(cri, { id, command, timeout: options.timeout }) : execStream(cri, call, { ...options, id, command }))
      } catch (error) {
        if (ids.length === 1) throw error
        out.error(error)
        return exitCodeOf(error, EXIT_CODES)
      }
    }
    const codes: number[] = []
    if (options.parallel) codes.push(...await Promise.all(ids.map(act)))
    else for (const id of ids) codes.push(await act(id))
    return options.ignoreErrors ? 0 : codes.find((code) => code !== 0) ?? 0
  },
})

interface Filters { readonly label: readonly string[]; readonly last: number | undefined }

async function chosen(cri: Cri, options: Filters): Promise<string[]> {
  const { findContainers, parseLabels } = await import('../../cri/client/containers.ts')
  return (await findContainers(cri.runtime, await cri.images(), { ...options, last: options.last ?? 0, labels: parseLabels(options.label) })).map(({ id }) => id)
}

interface Sync { readonly id: string; readonly command: readonly string[]; readonly timeout: number | undefined }

async function execSync({ runtime }: Cri, { id, command, timeout = 0 }: Sync): Promise<number> {
  const { RuntimeServiceService: Runtime, ExecSyncRequest } = await import('../../cri/wire/generated/runtime-v1.ts')
  const timeoutMs = timeout > 0 ? timeout * 1000 + GRACE_MS : undefined
  const request = ExecSyncRequest.fromPartial({ containerId: id, cmd: [...command], timeout: BigInt(timeout) })
  const { stdout, stderr, exitCode } = await runtime.call(Runtime.execSync, request, { timeoutMs }).catch((error) => explained(isFailure(error, 'timeout') && timeout > 0 ? notEnded(timeout, error) : withoutSync(error)))
  const said = [stdout, stderr].map((bytes) => Buffer.from(bytes).toString('latin1'))
  // CRI-O has no code of its own for it
  if (timeout > 0 && exitCode === -1 && said[1]!.trim() === 'command timed out') throw notEnded(timeout)
  writeAll(1, stdout)
  writeAll(2, stderr)
  return exitCode === 0 ? 0 : (await import('../../cri/client/remote-command.ts')).codeOfExec(exitCode, said.join('\n'))
}

/** A runtime puts all the output into one answer, for which gRPC has a limit (containerd's is 16 MB). */
const withoutSync = (error: unknown): unknown =>
  isFailure(error) && /message larger than max/.test(error.message) ? new Failure(error.kind, error.message, { cause: error, hint: 'drop --sync: the output is too large for one answer' }) : error

const notEnded = (seconds: number, cause?: Error): Failure => {
  const ours = `the command did not end within ${seconds} s`
  return new Failure('timeout', !cause ? ours : cause.message.startsWith(ours) ? cause.message : `${ours}: ${cause.message}`, { cause })
}

interface Streamed extends TlsFlags {
  readonly id: string
  readonly command: readonly string[]
  readonly tty: boolean
  readonly interactive: boolean
  readonly transport: 'spdy' | 'websocket' | undefined
}

async function execStream({ runtime }: Cri, { interrupt }: CriCall, wanted: Streamed): Promise<number> {
  const { RuntimeServiceService: Runtime, ExecRequest } = await import('../../cri/wire/generated/runtime-v1.ts')
  const { id, command, tty, interactive } = wanted
  const { url } = await runtime.call(Runtime.exec, ExecRequest.fromPartial({ containerId: id, cmd: [...command], tty, stdin: interactive, stdout: true, stderr: !tty })).catch(explained)
  return joinStreams({ url, transport: wanted.transport, tls: wanted, stdin: interactive, tty, interrupt })
}

async function explained(error: unknown): Promise<never> {
  throw (await import('../../cri/client/remote-command.ts')).asStartFailure(error)
}
