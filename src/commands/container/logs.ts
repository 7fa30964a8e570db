import { flag, integer, text } from '../../cli/option.ts'
import { parseMoment, parseUntil } from '../../cli/value.ts'
import { containerLogs, type LogLine } from '../../engine/container-logs.ts'
import { Failure } from '../../errors.ts'
import { writeAll } from '../../write-all.ts'
import { openBackend } from '../backend.ts'
import { defineCommand } from '../command.ts'
import { engineContainers } from './source.ts'
import { selectContainers, selectOptions, type Chosen } from './select.ts'

export const spec = defineCommand({
  name: 'logs',
  summary: 'Show what containers wrote',
  args: [{ name: 'container', arity: 'some', complete: 'container' }],
  argsOptionalWith: ['latest'],
  options: {
    color: flag('--color', 'Colour the names of several containers'),
    details: flag('--details', 'Accepted for compatibility: there are no further details'),
    follow: flag('-f, --follow', 'Go on while it runs'),
    latest: selectOptions.latest,
    names: flag('-n, --names', 'Put the name before each line'),
    since: text('--since <time>', 'From this time on: a time, or 10m'),
    tail: integer('--tail <lines>', 'Only the last so many lines'),
    timestamps: flag('-t, --timestamps', 'Put the time before each line'),
    until: text('--until <time>', 'Up to this time'),
  },
  examples: ['logs web', 'logs -f --tail 10 web', 'logs --since 10m web'],
  async run(call) {
    const { args, options, out, interrupt } = call
    const range = { ...momentOption('since', options.since), ...momentOption('until', options.until) }
    const { containers, logs } = await openBackend(call, (engine) => ({ containers: engineContainers(engine), logs: async (id, how) => containerLogs(engine, await engine.state.containers.find(id), how) }))
    const { chosen, errors } = await selectContainers(containers, { args, latest: options.latest, reading: true }, out)
    if (errors.length > 0) return 125
    const several = chosen.length > 1
    const show = async (container: Chosen, at: number): Promise<void> => {
      const lines = await logs(container.id, {
        ...range, follow: options.follow, signal: interrupt.signal, ...(options.tail !== undefined && options.tail >= 0 ? { tail: options.tail } : {}),
      })
      const name = prefix(container, { several, names: options.names, color: options.color && out.useColor, at })
      await print(lines, { name, timestamps: options.timestamps, whole: several && !options.follow })
    }
    if (options.follow) await Promise.all(chosen.map(show))
    else for (const [at, one] of chosen.entries()) await show(one, at)
    return 0
  },
})

const NS_IN_MS = 1_000_000n

function momentOption(name: 'since' | 'until', value: string | undefined): Record<string, bigint> {
  if (value === undefined) return {}
  try {
    return { [`${name}Ns`]: BigInt(Math.trunc(name === 'until' ? parseUntil(value) : parseMoment(value))) * NS_IN_MS }
  } catch (error) {
    throw new Failure('invalid', `invalid value "${value}" for --${name}: ${(error as Error).message}`)
  }
}

const COLORS = [33, 32, 36, 35, 34, 31]

function prefix({ id, name }: Chosen, { several, names, color, at }: { several: boolean; names: boolean; color: boolean; at: number }): string {
  const text = names ? `${name} ` : several ? `${id.slice(0, 12)} ` : ''
  return text !== '' && color ? `\x1b[${COLORS[at % COLORS.length]}m${text}\x1b[0m` : text
}

const NEWLINE = Buffer.from('\n')
const DESCRIPTORS = { stdout: 1, stderr: 2 } as const

interface Printing { readonly name: string; readonly timestamps: boolean; /** Ends the last line, so that another container's is one of its own. */ readonly whole: boolean }

/** Each stream to its own; a line that was written in parts is put together again. */
async function print(lines: AsyncIterable<LogLine>, { name, timestamps, whole }: Printing): Promise<void> {
  const isOpen = { stdout: false, stderr: false }
  for await (const { time, stream, text, partial } of lines) {
    const head = isOpen[stream] ? '' : `${name}${timestamps ? `${time} ` : ''}`
    isOpen[stream] = partial
    writeAll(DESCRIPTORS[stream], Buffer.concat([Buffer.from(head), text, ...(partial ? [] : [NEWLINE])]))
  }
  if (whole) for (const stream of ['stdout', 'stderr'] as const) if (isOpen[stream]) writeAll(DESCRIPTORS[stream], NEWLINE)
}
