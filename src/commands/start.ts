// The start of any command: joins its spec with the engine and the process. One bundle per command begins here.
import { execute } from '../cli/execute.ts'
import type { AnyCommand } from '../cli/command.ts'
import { GLOBALS } from '../cli/globals.ts'
import { listenForInterrupt } from '../cli/interrupt.ts'
import type { ConfigFlags } from '../config.ts'
import type { Engine } from '../engine/engine.ts'
import { Failure } from '../errors.ts'
import { LEVELS, setLogLevel, type LogLevel } from '../log.ts'

export interface Start {
  /** As the table of commands names it. */
  readonly file: string
  readonly title: string
  readonly words: readonly string[]
  readonly commandLine: readonly string[]
  readonly globals: Map<string, string>
  /** Flags that may follow the command's name besides its own; by default the program's. */
  readonly globalFlags?: ReadonlyMap<string, boolean>
  /** Long flags may have one dash. */
  readonly singleDash?: boolean
  readonly noColor: boolean
  readonly exitNow: (code: number) => void
}

export async function startCommand(spec: AnyCommand, start: Start): Promise<number> {
  let engine: Engine | undefined
  const code = await run(spec, start, async (flags) => {
    const { openEngine } = await import('../engine/open-engine.ts')
    return (engine = await openEngine({ flags }))
  })
  await engine?.state.upkeep()
  return code
}

type Open = (flags: ConfigFlags) => Promise<Engine>

const run = (spec: AnyCommand, { file, title, words, commandLine, globals, globalFlags = GLOBALS, singleDash = false, noColor, exitNow }: Start, open: Open): Promise<number> => execute(spec, {
  title, words, commandLine, globals: globalFlags, singleDash, globalValues: globals, noColor,
  interrupt: listenForInterrupt(exitNow),
  permit: async (given) => {
    if (!globals.get('--endpoint')) return
    toFlags(globals)
    const { permit } = await import('./remote/permit.ts')
    permit({ file, title, spec, words: given, globals })
  },
  openEngine: async (values) => {
    // a command that has no way of its own over the CRI must not act on this machine in its stead
    if (values.get('--endpoint')) throw new Failure('unsupported', `${title} works on this machine only`, { hint: 'drop --endpoint and SCOW_ENDPOINT' })
    return open(toFlags(values))
  },
})

/** @throws Failure invalid */
export function toFlags(values: ReadonlyMap<string, string>): ConfigFlags {
  const isDebug = /^(1|t|true)$/i.test(values.get('--debug') ?? '')
  const level = values.get('--log-level') ?? (isDebug ? 'debug' : undefined)
  if (level !== undefined) {
    const known = LEVELS.find((name) => name === level || (level === 'warning' && name === 'warn'))
    if (!known) throw new Failure('invalid', `unknown log level "${level}"`, { hint: `use one of ${LEVELS.join(', ')}` })
    setLogLevel(known satisfies LogLevel)
  }
  const flags: [keyof ConfigFlags, string | readonly string[] | undefined][] = [
    ['root', values.get('--root')], ['runroot', values.get('--runroot')], ['runtime', values.get('--runtime')],
    ['cgroupManager', values.get('--cgroup-manager')], ['logLevel', level], ['conmon', values.get('--conmon')],
    ['storageDriver', values.get('--storage-driver')], ['storageOpts', values.get('--storage-opt')?.split('\n')],
    ['hooksDirs', values.get('--hooks-dir')?.split(',')], ['cniConfigDir', values.get('--cni-config-dir') ?? values.get('--network-config-dir')],
    ['volumePath', values.get('--volumepath')],
  ]
  return Object.fromEntries(flags.filter(([, value]) => value !== undefined))
}
