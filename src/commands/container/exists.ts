import { flag } from '../../cli/option.ts'
import { findLasting } from '../../engine/finish-ended.ts'
import { isFailure } from '../../errors.ts'
import { openBackend } from '../backend.ts'
import { defineCommand } from '../command.ts'
import { engineContainers } from './source.ts'

export const spec = defineCommand({
  name: 'exists',
  summary: 'Say by the exit code whether a container exists: 0 yes, 1 no',
  args: [{ name: 'container', arity: 'one', complete: 'container' }],
  options: { external: flag('--external', 'Look at containers of the kubelet too') },
  examples: ['container exists web'],
  async run(call) {
    const { containers } = await openBackend(call, (engine) => ({ containers: { ...engineContainers(engine), find: (name) => findLasting(engine, name) } }))
    try {
      await containers.find(call.args[0]!)
      return 0
    } catch (error) {
      if (isFailure(error, 'notFound')) return 1
      throw error
    }
  },
})
