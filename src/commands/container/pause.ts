import { pauseContainer } from '../../engine/pause-container.ts'
import { defineCommand } from '../command.ts'
import { codeOf, forEach } from '../each.ts'
import { SELECTING, selectContainers, selectOptions, settledContainers, unlessGone } from './select.ts'

export const spec = defineCommand({
  name: 'pause',
  summary: 'Freeze running containers',
  args: [{ name: 'container', arity: 'some', complete: 'running' }],
  argsOptionalWith: SELECTING,
  options: selectOptions,
  examples: ['pause web'],
  async run({ args, options, out, engine: open }) {
    const engine = await open()
    const { chosen, errors } = await selectContainers(settledContainers(engine), { args, ...options, eligible: ({ phase }) => phase === 'running' }, out)
    const failed = await forEach({ items: chosen, out, act: unlessGone({ args, ...options }, async ({ id, typed }) => { await pauseContainer(engine, id); return typed }, ['notFound', 'wrongState']) })
    return codeOf([...errors, ...failed])
  },
})
