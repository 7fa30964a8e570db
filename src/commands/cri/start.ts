import { forEach } from '../each.ts'
import { codeOf, defineCri, openCri } from './command.ts'

export const spec = defineCri({
  name: 'start',
  summary: 'Start containers that were created',
  args: [{ name: 'container', arity: 'some' }],
  options: {},
  async run(call) {
    const [{ RuntimeServiceService: Runtime, StartContainerRequest }, { runtime }] = await Promise.all([import('../../cri/wire/generated/runtime-v1.ts'), openCri(call)])
    return codeOf(await forEach({ items: call.args, out: call.out, act: async (containerId) => {
      await runtime.call(Runtime.startContainer, StartContainerRequest.fromPartial({ containerId }))
      return containerId
    } }))
  },
})
