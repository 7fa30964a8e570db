import { text } from '../../cli/option.ts'
import { forEach } from '../each.ts'
import { codeOf, defineCri, openCri } from './command.ts'

export const spec = defineCri({
  name: 'checkpoint',
  summary: 'Write the state of running containers to an archive',
  args: [{ name: 'container', arity: 'some' }],
  options: { export: text('-e, --export <file>', 'Where the archive goes', { complete: 'file' }) },
  async run(call) {
    const [{ RuntimeServiceService: Runtime, CheckpointContainerRequest }, { runtime }] = await Promise.all([import('../../cri/wire/generated/runtime-v1.ts'), openCri(call)])
    return codeOf(await forEach({ items: call.args, out: call.out, act: async (containerId) => {
      await runtime.call(Runtime.checkpointContainer, CheckpointContainerRequest.fromPartial({ containerId, location: call.options.export ?? '' }))
      return containerId
    } }))
  },
})
