import { forEach } from '../each.ts'
import { codeOf, defineCri, nothingNamed, openCri } from './command.ts'

export const spec = defineCri({
  name: 'stopp',
  summary: 'Stop pods',
  args: [{ name: 'pod', arity: 'many' }],
  options: {},
  async run(call) {
    if (call.args.length === 0) return nothingNamed(call, 'pod')
    const [{ RuntimeServiceService: Runtime, StopPodSandboxRequest }, { runtime }] = await Promise.all([import('../../cri/wire/generated/runtime-v1.ts'), openCri(call)])
    return codeOf(await forEach({ items: call.args, out: call.out, act: async (podSandboxId) => {
      await runtime.call(Runtime.stopPodSandbox, StopPodSandboxRequest.fromPartial({ podSandboxId }))
      return `Stopped sandbox ${podSandboxId}`
    } }))
  },
})
