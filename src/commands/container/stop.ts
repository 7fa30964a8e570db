import { flag, patience } from '../../cli/option.ts'
import type { Engine } from '../../engine/engine.ts'
import { findContainer, needReachable } from '../../engine/find-container.ts'
import { finishContainer } from '../../engine/finish-ended.ts'
import { recordEvent } from '../../engine/record-event.ts'
import { stopContainer, type StopOptions } from '../../engine/stop-container.ts'
import { isFailure } from '../../errors.ts'
import { openBackend } from '../backend.ts'
import { defineCommand } from '../command.ts'
import { codeOf, forEach } from '../each.ts'
import { SELECTING, selectContainers, selectOptions, settledContainers } from './select.ts'

/** So many at once: stopping is waiting. */
export const AT_ONCE = 8

export const spec = defineCommand({
  name: 'stop',
  summary: 'Stop running containers',
  description: 'Send each container its stop signal, wait, and kill what is left.',
  args: [{ name: 'container', arity: 'some', complete: 'running' }],
  argsOptionalWith: SELECTING,
  options: {
    ...selectOptions,
    ignore: flag('-i, --ignore', 'A missing container is no error'),
    time: patience('-t, --time <seconds>', 'Seconds before SIGKILL'),
  },
  examples: ['stop web', 'stop --time 2 web db', 'stop --all'],
  async run(call) {
    const { args, options, out, interrupt } = call
    const { containers, stop } = await openBackend(call, (engine) => ({ containers: settledContainers(engine), stop: (id, how) => stopHere(engine, id, how) }))
    const { chosen, errors } = await selectContainers(containers, { args, ...options, eligible: ({ phase }) => phase === 'running' || phase === 'paused' }, out)
    const { time: timeoutSeconds } = options
    const failed = await forEach({
      items: chosen, out, parallel: AT_ONCE,
      act: async ({ id, typed }) => {
        try {
          await stop(id, { ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }), signal: interrupt.signal })
        } catch (error) {
          // another command removed it meanwhile: it does not run
          if (!isFailure(error, 'notFound')) throw error
        }
        return typed
      },
    })
    return codeOf([...errors, ...failed])
  },
})

async function stopHere(engine: Engine, id: string, how: StopOptions): Promise<void> {
  const before = await findContainer(engine, id)
  needReachable(before)
  if (await stopContainer(engine, id, how)) await recordEvent(engine, before, { status: 'stop' })
  await finishContainer(engine, id)
}
