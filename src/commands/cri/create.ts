import { duration, flag } from '../../cli/option.ts'
import { Failure } from '../../errors.ts'
import { defineCri, openCri } from './command.ts'
import { pullOptions, pullSettings, pullWithProgress } from './pull-options.ts'

export const spec = defineCri({
  name: 'create',
  summary: 'Create a container in a pod',
  args: [{ name: 'pod', arity: 'one' }, { name: 'container-config', arity: 'one', complete: 'file' }, { name: 'pod-config', arity: 'one', complete: 'file' }],
  options: {
    ...pullOptions,
    cancelTimeout: duration('-T, --cancel-timeout <duration>', 'Give up after so long'),
    noPull: flag('--no-pull', 'Do not pull the image, whatever the configuration says'),
    withPull: flag('--with-pull', 'Pull the image first'),
  },
  examples: ['cri create 1f73f2d81bf98 container.json pod.json'],
  async run(call) {
    const { args, options } = call
    if (options.noPull && options.withPull) throw new Failure('invalid', 'give only one of --no-pull and --with-pull')
    const [podSandboxId, containerFile, podFile] = args as [string, string, string]
    const [{ readContainerConfig, readPodConfig }, { RuntimeServiceService: Runtime, CreateContainerRequest }] = await Promise.all([
      import('../../cri/client/message-files.ts'), import('../../cri/wire/generated/runtime-v1.ts'),
    ])
    const [config, sandboxConfig] = [await readContainerConfig(containerFile), await readPodConfig(podFile)]
    const cri = await openCri(call)
    if (options.withPull || (cri.settings.pullImageOnCreate && !options.noPull)) {
      await pullWithProgress(await cri.images(), { image: config.image!.image, pod: sandboxConfig, ...await pullSettings(options) }, call)
    }
    const { containerId } = await cri.runtime.call(Runtime.createContainer, CreateContainerRequest.fromPartial({ podSandboxId, config, sandboxConfig }), { timeoutMs: options.cancelTimeout })
    call.out.line(containerId)
  },
})
