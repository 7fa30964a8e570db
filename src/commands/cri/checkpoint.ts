import { resolve } from 'node:path'
import { text } from '../../cli/option.ts'
import { Failure } from '../../errors.ts'
import { forEach } from '../each.ts'
import { codeOf, defineCri, openCri } from './command.ts'

export const spec = defineCri({
  name: 'checkpoint',
  summary: 'Write the state of running containers to an archive',
  args: [{ name: 'container', arity: 'some' }],
  options: { export: text('-e, --export <file>', 'Where the archive goes, on the machine of the runtime', { complete: 'file' }) },
  async run(call) {
    if (call.options.export === undefined) throw new Failure('invalid', 'nothing says where the archive goes', { hint: 'give --export=/path/of/the.tar' })
    if (call.args.length > 1) throw new Failure('invalid', `one archive cannot hold ${call.args.length} containers`, { hint: 'name one at a time, each with an --export of its own' })
    // the runtime would take it from its own working directory
    const location = resolve(call.options.export)
    const [{ RuntimeServiceService: Runtime, CheckpointContainerRequest }, { runtime }] = await Promise.all([import('../../cri/wire/generated/runtime-v1.ts'), openCri(call)])
    return codeOf(await forEach({ items: call.args, out: call.out, act: async (containerId) => {
      await runtime.call(Runtime.checkpointContainer, CheckpointContainerRequest.fromPartial({ containerId, location }))
      return containerId
    } }))
  },
})
