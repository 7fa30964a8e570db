import { text } from '../../cli/option.ts'
import { Failure } from '../../errors.ts'
import { defineCri, openCri } from './command.ts'

export const spec = defineCri({
  name: 'update-runtime-config',
  summary: 'Give the runtime the addresses of its pods',
  options: { podCidr: text('-p, --pod-cidr <cidr>', 'Addresses of the pods') },
  async run(call) {
    if (call.options.podCidr === undefined) throw new Failure('invalid', 'nothing to change', { hint: 'give --pod-cidr' })
    const [{ RuntimeServiceService: Runtime, UpdateRuntimeConfigRequest }, { runtime }] = await Promise.all([import('../../cri/wire/generated/runtime-v1.ts'), openCri(call)])
    await runtime.call(Runtime.updateRuntimeConfig, UpdateRuntimeConfigRequest.fromPartial({ runtimeConfig: { networkConfig: { podCidr: call.options.podCidr } } }))
  },
})
