import { flag, patience } from '../../cli/option.ts'
import { restartContainer } from '../../engine/restart-container.ts'
import { defineCommand } from '../command.ts'
import { codeOf, forEach } from '../each.ts'
import { needOwn, SELECTING, selectContainers, selectOptions, settledContainers, unlessGone } from './select.ts'

export const spec = defineCommand({
  name: 'restart',
  summary: 'Stop and start containers',
  args: [{ name: 'container', arity: 'some', complete: 'container' }],
  argsOptionalWith: [...SELECTING, 'running'],
  options: {
    ...selectOptions,
    running: flag('--running', 'With --all or alone: only those that run'),
    time: patience('-t, --time <seconds>', 'Seconds before SIGKILL'),
  },
  examples: ['restart web', 'restart --running'],
  async run({ args, options, out, engine: open }) {
    const engine = await open()
    const selection = { args, ...options, all: options.all || options.running, eligible: ({ phase }: { phase: string }) => !options.running || phase === 'running' }
    const containers = settledContainers(engine)
    const { chosen, errors } = await selectContainers(containers, selection, out)
    const failed = await forEach({
      items: chosen, out,
      act: unlessGone(selection, async (one) => {
        needOwn(containers, one, 'stop it, and another is made in its place')
        await restartContainer(engine, one.id, options.time === undefined ? {} : { timeoutSeconds: options.time })
        return one.typed
      }),
    })
    return codeOf([...errors, ...failed])
  },
})
