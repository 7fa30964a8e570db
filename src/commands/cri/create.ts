import { duration, flag, list, text } from '../../cli/option.ts'
import type { ContainerFlags } from '../../cri/client/from-flags.ts'
import { Failure } from '../../errors.ts'
import { pullOverCri } from '../pull-over-cri.ts'
import { defineCri, openCri, seeHelp, type Cri } from './command.ts'
import { asksForSchema, chosenSchemas } from './config-schema.ts'
import { containerOptions, dryRun } from './container-options.ts'
import { areFiles, podConfigOf, showPlan, type Described } from './plan.ts'
import { checkPullChoice, pullOptions, pullSettings } from './pull-options.ts'

const FILES = 2

export const spec = defineCri({
  name: 'create',
  summary: 'Create a container in a pod, from files or from flags',
  description: 'Create a container in a pod: from two files, or from flags, an image and a command.',
  args: [{ name: 'pod', arity: 'one' }, { name: 'image-or-files', arity: 'words' }],
  passThrough: true,
  options: {
    ...pullOptions, ...containerOptions,
    annotation: list('--annotation <name=value>', 'Annotation'),
    cancelTimeout: duration('-T, --cancel-timeout <duration>', 'Give up after so long'),
    dryRun,
    label: list('-l, --label <name=value>', 'Label'),
    name: text('--name <name>', 'Name of the container'),
    noPull: flag('--no-pull', 'Do not pull the image, whatever the configuration says'),
    pid: text('--pid <mode>', 'container, pod or host'),
    privileged: flag('--privileged', 'Give all rights'),
    withPull: flag('--with-pull', 'Pull the image first'),
  },
  examples: ['cri create 1f73f2d81bf98 container.json pod.json', 'cri create --name shell -e A=1 1f73f2d81bf98 busybox sleep 100'],
  async run(call) {
    const { args, options, out } = call
    if (asksForSchema(call, args)) return out.line(await chosenSchemas(args))
    checkPullChoice(options)
    const [podSandboxId, ...words] = args as [string, ...string[]]
    const isFiles = areFiles(call, words, FILES)
    if (isFiles ? words.length !== FILES : words.length === 0) throw new Failure('invalid', isFiles ? 'a container needs two files: its configuration and its pod\'s' : 'no image to create a container from', { hint: seeHelp(call, 'create') })
    const cri = await openCri(call)
    const { container: config, pod: sandboxConfig } = isFiles ? await fromFiles(words as [string, string]) : await fromFlags(cri, podSandboxId, { ...options, image: words[0]!, command: words.slice(1) })
    const [{ RuntimeServiceService: Runtime, CreateContainerRequest }, { makeLogFolder }] = await Promise.all([import('../../cri/wire/generated/runtime-v1.ts'), import('../../cri/client/log-folder.ts')])
    const request = CreateContainerRequest.fromPartial({ podSandboxId, config, sandboxConfig })
    if (options.dryRun) return showPlan(out, [{ rpc: 'CreateContainer', request }])
    if (options.withPull || (cri.settings.pullImageOnCreate && !options.noPull)) {
      await pullOverCri(await cri.images(), { image: config.image!.image, pod: sandboxConfig, ...await pullSettings(options) })
    }
    makeLogFolder(cri.runtime, sandboxConfig, config)
    out.line((await cri.runtime.call(Runtime.createContainer, request, { timeoutMs: options.cancelTimeout })).containerId)
  },
})

async function fromFiles([containerFile, podFile]: readonly [string, string]): Promise<Described> {
  const { readContainerConfig, readPodConfig } = await import('../../cri/client/message-files.ts')
  return { container: await readContainerConfig(containerFile), pod: await readPodConfig(podFile) }
}

async function fromFlags({ runtime }: Cri, podSandboxId: string, flags: ContainerFlags): Promise<Described> {
  const { containerFromFlags } = await import('../../cri/client/from-flags.ts')
  const pod = await podConfigOf(runtime, podSandboxId)
  return { pod, container: containerFromFlags({ ...flags, name: flags.name ?? 'main' }, pod) }
}
