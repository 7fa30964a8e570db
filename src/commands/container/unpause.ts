import { unpauseContainer } from '../../engine/pause-container.ts'
import { defineCommand } from '../command.ts'
import { codeOf, forEach } from '../each.ts'
import { SELECTING, selectContainers, selectOptions, settledContainers, unlessGone } from './select.ts'

export const spec = defineCommand({
  name: 'unpause',
  summary: 'Let paused containers go on',
  args: [{ name: 'container', arity: 'some', complete: 'container' }],
  argsOptionalWith: SELECTING,
  options: selectOptions,
  examples: ['unpause web'],
  async run({ args, options, out, engine: open }) {
    const engine = await open()
    const { chosen, errors } = await selectContainers(settledContainers(engine), { args, ...options, eligible: ({ phase }) => phase === 'paused' }, out)
    const failed = await forEach({ items: chosen, out, act: unlessGone({ args, ...options }, async ({ id, typed }) => { await unpauseContainer(engine, id); return typed }, ['notFound', 'wrongState']) })
    return codeOf([...errors, ...failed])
  },
})
