import { defineCri, openCri } from './command.ts'
import { listOutput } from './options.ts'
import { printJson } from './print.ts'

export const spec = defineCri({
  name: 'metricdescs',
  summary: 'Show which metrics the runtime has',
  options: { output: listOutput },
  async run(call) {
    const [{ RuntimeServiceService: Runtime }, { toJson }, { runtime }] = await Promise.all([import('../../cri/wire/generated/runtime-v1.ts'), import('../../cri/client/protojson.ts'), openCri(call)])
    await printJson(call.out, toJson(await runtime.call(Runtime.listMetricDescriptors, {})), call.options)
  },
})
