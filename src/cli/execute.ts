// From the words after a command's name to its exit code.
import { Failure, exitCodeOf, isAbort, isFailure } from '../errors.ts'
import type { AnyCommand, OptionSpec } from './command.ts'
import { errorLine } from './error-line.ts'
import type { Interrupt } from './interrupt.ts'
import { isTerminal, makeOutput } from './output.ts'
import { PipeClosed } from '../write-all.ts'
import { readOptions } from './option-values.ts'
import { longName, readWords, type Words } from './words.ts'

/** 128 + SIGPIPE: what a shell shows for a program whose reader has gone. */
const PIPE_CLOSED = 141
/** That of `cancelled`, which knows no signal. */
const INTERRUPTED = 130

export interface Execution {
  /** Such as `scow container ls`. */
  readonly title: string
  readonly words: readonly string[]
  readonly commandLine: readonly string[]
  readonly globals: ReadonlyMap<string, boolean>
  readonly singleDash?: boolean
  readonly globalValues: Map<string, string>
  readonly openEngine: (globals: ReadonlyMap<string, string>) => Promise<unknown>
  readonly interrupt: Interrupt
  readonly noColor: boolean
  /** Refuses what cannot be done where the global flags point. @throws Failure */
  readonly permit?: (words: Words) => Promise<void>
}

/** Runs a command; every error is shown here. Returns the exit code. */
export async function execute(spec: AnyCommand, call: Execution): Promise<number> {
  const code = await run(spec, call)
  return code === INTERRUPTED ? call.interrupt.exitCode ?? code : code
}

async function run(spec: AnyCommand, call: Execution): Promise<number> {
  const out = makeOutput({ stdoutIsTerminal: isTerminal(1), noColor: call.noColor, errorLine })
  try {
    const words = readWords(spec, call.words, call)
    if (words.help) return out.write((await import('./help.ts')).commandHelp(spec, call.title)), 0
    for (const [name, value] of words.globals) call.globalValues.set(name, value)
    await call.permit?.(words)
    refuse(spec, words)
    const options = readOptions(spec, words, call.title)
    countArguments(spec, words.args, { title: call.title, given: words.given })
    let engine: Promise<unknown> | undefined
    const code = await spec.run({
      args: words.args, options, out, interrupt: call.interrupt, commandLine: call.commandLine, given: words.given, globals: call.globalValues,
      engine: () => (engine ??= call.openEngine(call.globalValues)),
    })
    return code ?? 0
  } catch (error) {
    if (error instanceof PipeClosed) return PIPE_CLOSED
    const shown = call.interrupt.signal.aborted && (isAbort(error) || isFailure(error, 'cancelled')) ? call.interrupt.signal.reason : error
    try { out.error(shown) } catch { /* nobody reads standard error */ }
    return exitCodeOf(shown, spec.exitCodes)
  }
}

function refuse(spec: AnyCommand, { given, assigned }: Words): void {
  for (const key of given) {
    const option = spec.options[key] as OptionSpec<unknown>
    const isHarmless = assigned.get(key)?.every((value) => option.harmless?.includes(value)) ?? false
    if (option.refused && !isHarmless) throw new Failure('unsupported', `--${longName(option)} is not supported yet: ${option.refused}`)
  }
}

interface Counting { readonly title: string; readonly given: ReadonlySet<string> }

function countArguments(spec: AnyCommand, args: readonly string[], { title, given }: Counting): void {
  const specs = spec.args ?? []
  const isOpen = specs.some(({ arity }) => arity === 'some' || arity === 'many' || arity === 'words')
  const hint = `see '${title} --help'`
  const excused = spec.argsOptionalWith?.some((key) => given.has(key)) ?? false
  const needed = excused ? 0 : specs.filter(({ arity }) => arity === 'one' || arity === 'some').length
  if (args.length < needed) {
    const names = specs.filter(({ arity }) => arity === 'one' || arity === 'some').slice(args.length).map(({ name }) => name)
    throw new Failure('invalid', `${title} needs ${needed === 1 ? 'an argument' : `${needed} arguments`}: ${names.join(', ')} missing`, { hint })
  }
  if (!isOpen && args.length > specs.length) {
    throw new Failure('invalid', `${title} takes ${specs.length === 0 ? 'no arguments' : `at most ${specs.length}`}, got ${args.length}: ${args.join(' ')}`, { hint })
  }
}
