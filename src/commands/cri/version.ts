import { defineCri, openCri } from './command.ts'

export const spec = defineCri({
  name: 'version',
  summary: 'Show the version of the runtime',
  options: {},
  examples: ['cri version', 'cri -r unix:///run/crio/crio.sock version'],
  async run(call) {
    const [{ RuntimeServiceService, VersionRequest }, { runtime }] = await Promise.all([import('../../cri/wire/generated/runtime-v1.ts'), openCri(call)])
    const answer = await runtime.call(RuntimeServiceService.version, VersionRequest.fromPartial({ version: '0.1.0' }))
    const lines = [['Version', answer.version], ['RuntimeName', answer.runtimeName], ['RuntimeVersion', answer.runtimeVersion], ['RuntimeApiVersion', answer.runtimeApiVersion]]
    call.out.write(lines.map(([name, value]) => `${name}:  ${value}\n`).join(''))
  },
})
