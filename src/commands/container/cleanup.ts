import { flag, text } from '../../cli/option.ts'
import { cleanupContainer } from '../../engine/cleanup-container.ts'
import { defineCommand } from '../command.ts'
import { codeOf, forEach } from '../each.ts'
import { SELECTING, selectContainers, selectOptions, settledContainers } from './select.ts'

export const spec = defineCommand({
  name: 'cleanup',
  summary: 'Give back what ended containers used; the monitor calls this',
  args: [{ name: 'container', arity: 'some', complete: 'stopped' }],
  argsOptionalWith: [...SELECTING, 'queue'],
  options: {
    all: selectOptions.all, latest: selectOptions.latest,
    exec: text('--exec <session>', 'Accepted for compatibility: sessions clean up after themselves'),
    queue: flag('--queue', 'Clean up what the exit program has queued'),
    rm: flag('--rm', 'Remove the container too'),
    rmi: flag('--rmi', 'Accepted for compatibility: an image goes with --rmi of run'),
    stoppedOnly: flag('--stopped-only', 'Accepted for compatibility: those that run are left'),
  },
  async run({ args, options, out, engine: open }) {
    const engine = await open()
    if (options.queue) {
      const { drainCleanupQueue } = await import('../../engine/drain-cleanup-queue.ts')
      await drainCleanupQueue(engine)
      return 0
    }
    const { chosen, errors } = await selectContainers(settledContainers(engine), { args, ...options, eligible: ({ phase }) => phase === 'exited' }, out)
    const failed = await forEach({
      items: chosen, out,
      act: async ({ id, typed }) => {
        await cleanupContainer(engine, id)
        if (options.rm) {
          const { removeContainer } = await import('../../engine/remove-container.ts')
          await removeContainer(engine, id, { volumes: true })
        }
        return typed
      },
    })
    return codeOf([...errors, ...failed])
  },
})
