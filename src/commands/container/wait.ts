import { commaList, flag, text } from '../../cli/option.ts'
import { parseDuration } from '../../cli/value.ts'
import { waitContainer } from '../../engine/wait-container.ts'
import { Failure, isFailure } from '../../errors.ts'
import { openBackend } from '../backend.ts'
import { defineCommand } from '../command.ts'
import { codeOf } from '../each.ts'
import { selectContainers, selectOptions } from './select.ts'
import { engineContainers } from './source.ts'

const CONDITIONS = ['configured', 'created', 'exited', 'healthy', 'initialized', 'paused', 'removing', 'running', 'stopped', 'stopping', 'unhealthy', 'unknown']

export const spec = defineCommand({
  name: 'wait',
  summary: 'Wait until containers end, and print their exit codes',
  args: [{ name: 'container', arity: 'some', complete: 'running' }],
  argsOptionalWith: ['latest'],
  options: {
    condition: commaList('--condition <state>', 'Wait for this state; may be given again'),
    exitFirstMatch: flag('--exit-first-match', 'End when the first container is in the state'),
    ignore: flag('--ignore', 'A missing container counts as ended, with -1'),
    interval: text('-i, --interval <duration>', 'Time between looks (default 250ms)'),
    latest: selectOptions.latest,
  },
  examples: ['wait web', 'wait --condition=running web'],
  async run(call) {
    const { args, options, out, interrupt } = call
    for (const condition of options.condition) {
      if (!CONDITIONS.includes(condition)) throw new Failure('invalid', `invalid value "${condition}" for --condition`, { hint: `use one of ${CONDITIONS.join(', ')}` })
      if (/healthy/.test(condition)) throw new Failure('unsupported', `--condition ${condition} is not supported yet: health checks come later`)
    }
    const { containers, wait } = await openBackend(call, (engine) => ({ containers: engineContainers(engine), wait: (id, how) => waitContainer(engine, id, how) }))
    const { chosen, errors } = await selectContainers(containers, { args, latest: options.latest, ignore: options.ignore, repeats: true, reading: true }, out)
    const how = { ...(options.condition.length ? { conditions: options.condition } : {}), ...intervalOf(options.interval), signal: interrupt.signal }
    const waits = chosen.map(({ id }) => wait(id, how).catch((error: unknown) => {
      if (options.ignore && isFailure(error, 'notFound')) return -1
      throw error
    }))
    if (options.ignore) for (let missing = args.length - chosen.length; missing > 0; missing--) out.line('-1')
    const print = async (waited: Promise<number>): Promise<void> => {
      const code = await waited
      interrupt.signal.throwIfAborted()
      out.line(String(code))
    }
    if (options.exitFirstMatch && waits.length > 0) await print(Promise.race(waits))
    else for (const one of waits) await print(one)
    return codeOf(errors)
  },
})

/** `250`: milliseconds; `1s`: a duration. */
function intervalOf(text: string | undefined): { intervalMs?: number } {
  if (text === undefined) return {}
  try {
    return { intervalMs: /^\d+$/.test(text) ? Number(text) : parseDuration(text) }
  } catch (error) {
    throw new Failure('invalid', `invalid value "${text}" for --interval: ${(error as Error).message}`)
  }
}
