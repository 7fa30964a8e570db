import { text } from '../../cli/option.ts'
import { killContainer } from '../../engine/kill-container.ts'
import { Failure } from '../../errors.ts'
import { openBackend } from '../backend.ts'
import { defineCommand } from '../command.ts'
import { codeOf, forEach } from '../each.ts'
import { SELECTING, selectContainers, selectOptions, settledContainers, unlessGone } from './select.ts'
import { readSignal } from './signal.ts'

export const spec = defineCommand({
  name: 'kill',
  summary: 'Send a signal to running containers',
  args: [{ name: 'container', arity: 'some', complete: 'running' }],
  argsOptionalWith: SELECTING,
  options: { all: selectOptions.all, latest: selectOptions.latest, cidfile: selectOptions.cidfile, signal: text('-s, --signal <signal>', 'Signal by name or number (default KILL)', { complete: 'signal' }) },
  examples: ['kill web', 'kill -s HUP web'],
  async run(call) {
    const { args, options, out } = call
    const signal = readSignal(options.signal ?? 'KILL', '--signal')
    if (signal === 0) throw new Failure('invalid', 'signal 0 cannot be sent to a container')
    const { containers, kill } = await openBackend(call, (engine) => ({ containers: settledContainers(engine), kill: (id, number) => killContainer(engine, id, number) }))
    const { chosen, errors } = await selectContainers(containers, { args, ...options, eligible: ({ phase }) => phase === 'running' || phase === 'paused' }, out)
    const failed = await forEach({ items: chosen, out, act: unlessGone({ args, ...options }, async ({ id, typed }) => { await kill(id, signal); return typed }, ['notFound', 'wrongState']) })
    return codeOf([...errors, ...failed])
  },
})
