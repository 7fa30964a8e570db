// What a command is: checked, typed data. Help, completion, man pages and the parity table derive from it.
import type { ErrorKind } from '../errors.ts'
import type { Interrupt } from './interrupt.ts'
import type { Output } from './output.ts'

/** Keys of the filters of what is listed. */
export type FilterKind = 'containerFilter' | 'imageFilter' | 'volumeFilter' | 'networkFilter' | 'podFilter' | 'eventFilter'

/** What the shell may offer for a word. */
export type CompletionKind = 'container' | 'running' | 'stopped' | 'image' | 'network' | 'volume' | 'signal' | 'capability' | FilterKind | 'file' | 'directory' | 'command'

/** A value that the user passes as `--name`. `T` is what the command receives. */
export interface OptionSpec<T> {
  /** `-t, --time <seconds>`; a switch has no `<...>`. */
  readonly flags: string
  readonly summary: string
  readonly isSwitch: boolean
  readonly initial: T
  /** Throws an Error whose message says what was expected. */
  readonly parse: (text: string, previous: T) => T
  readonly values?: readonly string[]
  /** What the shell offers although others are possible; one that ends with `=` or `:` goes on. */
  readonly offers?: readonly string[]
  readonly complete?: CompletionKind
  /** Accepted by the parser, refused in one line: the reason. */
  readonly refused?: string
  /** Values that are accepted all the same. */
  readonly harmless?: readonly string[]
}

/** `one`: exactly one; `some`: one or more; `many`: any number; `words`: everything that follows, flags included. */
export type Arity = 'one' | 'optional' | 'some' | 'many' | 'words'

export interface ArgumentSpec {
  readonly name: string
  readonly arity: Arity
  readonly complete?: CompletionKind
}

export type Options = Record<string, OptionSpec<any>>
export type ValuesOf<O extends Options> = { readonly [K in keyof O]: O[K] extends OptionSpec<infer T> ? T : never }

/** One call of a command. `E` is the engine. */
export interface Invocation<O extends Options = Options, E = unknown> {
  readonly args: readonly string[]
  readonly options: ValuesOf<O>
  /** Global flags by name; the engine is opened with what they are then. */
  readonly globals: Map<string, string>
  /** Opens the engine at the first call; `version` and the like never do. */
  readonly engine: () => Promise<E>
  readonly out: Output
  readonly interrupt: Interrupt
  /** The whole command line as typed, program first. */
  readonly commandLine: readonly string[]
  /** Keys of the options that were given. */
  readonly given: ReadonlySet<string>
}

export interface CommandSpec<O extends Options = Options, E = unknown> {
  /** The verb alone: `run`, `ls`. */
  readonly name: string
  readonly summary: string
  readonly description?: string
  readonly args?: readonly ArgumentSpec[]
  readonly options: O
  readonly examples?: readonly string[]
  /** Flags end at the first argument: `run`, `create`, `exec`. */
  readonly passThrough?: boolean
  /** Not shown in the overview, the completion and the man pages. */
  readonly hidden?: boolean
  /** Arguments are not needed when one of these options is given (`--all`, `--latest`). */
  readonly argsOptionalWith?: readonly string[]
  readonly exitCodes?: Partial<Record<ErrorKind, number>>
  /** Returns the exit code; nothing is 0. */
  readonly run: (call: Invocation<O, E>) => Promise<number | void>
}

export type AnyCommand = CommandSpec<any, any>
