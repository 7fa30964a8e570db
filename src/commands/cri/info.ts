import { flag, oneOf } from '../../cli/option.ts'
import { defineCri, openCri } from './command.ts'
import { template } from './options.ts'
import { printJson } from './print.ts'

export const spec = defineCri({
  name: 'info',
  summary: 'Show the state and the configuration of the runtime',
  options: {
    output: oneOf('-o, --output <format>', 'json, yaml or go-template', ['json', 'yaml', 'go-template']),
    quiet: flag('-q, --quiet', 'Only the state'),
    template,
  },
  async run(call) {
    const [{ RuntimeServiceService, StatusRequest }, { runtimeStatusJson }, { runtime }] = await Promise.all([
      import('../../cri/wire/generated/runtime-v1.ts'), import('../../cri/client/inspected.ts'), openCri(call),
    ])
    const answer = await runtime.call(RuntimeServiceService.status, StatusRequest.fromPartial({ verbose: !call.options.quiet }))
    await printJson(call.out, runtimeStatusJson(answer), call.options)
  },
})
