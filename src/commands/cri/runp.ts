import { duration, text } from '../../cli/option.ts'
import { Failure } from '../../errors.ts'
import { defineCri, isCrictl, openCri, seeHelp } from './command.ts'
import { asksForSchema, schemaText } from './config-schema.ts'
import { dryRun, podOptions } from './container-options.ts'
import { showPlan } from './plan.ts'

export const spec = defineCri({
  name: 'runp',
  summary: 'Run a pod, from a file or from flags',
  args: [{ name: 'pod-config', arity: 'optional', complete: 'file' }],
  options: {
    ...podOptions,
    cancelTimeout: duration('-T, --cancel-timeout <duration>', 'Give up after so long'),
    dryRun,
    runtime: text('-r, --runtime <handler>', 'Runtime handler'),
  },
  examples: ['cri runp pod-config.json', 'cri runp --name web -p 8080:80'],
  async run(call) {
    const { args, options, out } = call
    if (asksForSchema(call, args)) return out.line(await schemaText(['pod']))
    if (args.length === 0 && isCrictl(call)) throw new Failure('invalid', 'runp needs a file: the configuration of the pod', { hint: seeHelp(call, 'runp') })
    const [{ readPodConfig }, { podFromFlags }, { RuntimeServiceService: Runtime, RunPodSandboxRequest }] = await Promise.all([
      import('../../cri/client/message-files.ts'), import('../../cri/client/from-flags.ts'), import('../../cri/wire/generated/runtime-v1.ts'),
    ])
    const config = args.length > 0 ? await readPodConfig(args[0]!) : podFromFlags(options)
    const request = RunPodSandboxRequest.fromPartial({ config, runtimeHandler: options.runtime ?? '' })
    if (options.dryRun) return showPlan(out, [{ rpc: 'RunPodSandbox', request }])
    const { runtime } = await openCri(call)
    out.line((await runtime.call(Runtime.runPodSandbox, request, { timeoutMs: options.cancelTimeout })).podSandboxId)
  },
})
