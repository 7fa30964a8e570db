import { duration, text } from '../../cli/option.ts'
import { defineCri, openCri } from './command.ts'

export const spec = defineCri({
  name: 'runp',
  summary: 'Run a pod',
  args: [{ name: 'pod-config', arity: 'one', complete: 'file' }],
  options: {
    cancelTimeout: duration('-T, --cancel-timeout <duration>', 'Give up after so long'),
    runtime: text('-r, --runtime <handler>', 'Runtime handler'),
  },
  examples: ['cri runp pod-config.json'],
  async run(call) {
    const { options } = call
    const [{ readPodConfig }, { RuntimeServiceService: Runtime, RunPodSandboxRequest }] = await Promise.all([import('../../cri/client/message-files.ts'), import('../../cri/wire/generated/runtime-v1.ts')])
    const config = await readPodConfig(call.args[0]!)
    const { runtime } = await openCri(call)
    const { podSandboxId } = await runtime.call(Runtime.runPodSandbox, RunPodSandboxRequest.fromPartial({ config, runtimeHandler: options.runtime ?? '' }), { timeoutMs: options.cancelTimeout })
    call.out.line(podSandboxId)
  },
})
