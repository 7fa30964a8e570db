import { flag } from '../../cli/option.ts'
import { defineCri, openCri } from './command.ts'
import { listOutput } from './options.ts'
import { printJson } from './print.ts'
import { repeat } from './sampling.ts'

export const spec = defineCri({
  name: 'metricsp',
  summary: 'Show the metrics of pods',
  options: { output: listOutput, watch: flag('-w, --watch', 'Again and again') },
  async run(call) {
    const { options, out, interrupt } = call
    const [{ RuntimeServiceService: Runtime }, { toJson }, { runtime }] = await Promise.all([import('../../cri/wire/generated/runtime-v1.ts'), import('../../cri/client/protojson.ts'), openCri(call)])
    await repeat(options.watch, { out, signal: interrupt.signal }, async () => printJson(out, toJson(await runtime.call(Runtime.listPodSandboxMetrics, {})), options))
  },
})
