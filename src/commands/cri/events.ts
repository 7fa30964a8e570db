import { oneOf } from '../../cli/option.ts'
import { defineCri, openCri } from './command.ts'
import { template } from './options.ts'
import { printJson } from './print.ts'

export const spec = defineCri({
  name: 'events',
  summary: 'Show what happens to containers, as it happens',
  options: { output: oneOf('-o, --output <format>', 'json, yaml or go-template', ['json', 'yaml', 'go-template']), template },
  async run(call) {
    const { options, out, interrupt } = call
    const [{ RuntimeServiceService: Runtime }, { toJson }, { runtime }] = await Promise.all([import('../../cri/wire/generated/runtime-v1.ts'), import('../../cri/client/protojson.ts'), openCri(call)])
    try {
      for await (const event of runtime.stream(Runtime.getContainerEvents, {})) await printJson(out, toJson(event), options)
    } catch (error) {
      if (!interrupt.signal.aborted) throw error
    }
    return 0
  },
})
