import { forEach } from '../each.ts'
import { codeOf, defineCri, openCri } from './command.ts'
import { waitForExit } from './foreground.ts'

export const spec = defineCri({
  name: 'wait',
  summary: 'Wait until containers have ended, and print their exit codes',
  args: [{ name: 'container', arity: 'some' }],
  options: {},
  async run(call) {
    const [{ containerCalled }, { runtime }] = await Promise.all([import('../../cri/client/containers.ts'), openCri(call)])
    return codeOf(await forEach({ items: call.args, out: call.out, act: async (name) => String(await waitForExit(runtime, (await containerCalled(runtime, name)).id, call.interrupt.signal)) }))
  },
})
