import { defineCri, openCri } from './command.ts'
import { printJson } from './print.ts'

export const spec = defineCri({
  name: 'runtime-config',
  summary: 'Show what the runtime tells the kubelet to use: its cgroup driver',
  options: {},
  async run(call) {
    const [{ RuntimeServiceService: Runtime }, { toJson }, { runtime }] = await Promise.all([import('../../cri/wire/generated/runtime-v1.ts'), import('../../cri/client/protojson.ts'), openCri(call)])
    await printJson(call.out, toJson(await runtime.call(Runtime.runtimeConfig, {})))
  },
})
