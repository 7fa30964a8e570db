import { duration, flag, text } from '../../cli/option.ts'
import type { ContainerFlags, PodFlags } from '../../cri/client/from-flags.ts'
import type { Connection } from '../../cri/client/connection.ts'
import { exitCodeOf, Failure } from '../../errors.ts'
import { EXIT_CODES, defineCri, isCrictl, openCri, type Cri, type CriCall } from './command.ts'
import { asksForSchema, configSchemaText } from './config-schema.ts'
import { containerOptions, dryRun, podOptions } from './container-options.ts'
import { showOutput } from './foreground.ts'
import { areFiles, showPlan, type Described } from './plan.ts'
import { pullOptions, pullSettings, pullWithProgress, type PullFlags } from './pull-options.ts'

const FILES = 2

export const spec = defineCri({
  name: 'run',
  summary: 'Run a container in a pod of its own, from files or from flags',
  description: 'Run a container in a pod of its own: from two files, then its id is printed; or from flags, an image and a command, as podman does it. jsonschema --pod-config or --container-config prints the schema of these files.',
  args: [{ name: 'image-or-files', arity: 'words' }],
  passThrough: true,
  options: {
    ...podOptions, ...containerOptions, ...pullOptions,
    cancelTimeout: duration('-T, --cancel-timeout <duration>', 'Give up after so long'),
    detach: flag('-d, --detach', 'Print the id of the container instead of its output'),
    dryRun,
    noPull: flag('--no-pull', 'Do not pull the image'),
    rm: flag('--rm', 'Remove the pod when the container has ended'),
    runtime: text('-r, --runtime <handler>', 'Runtime handler'),
    withPull: flag('--with-pull', 'Pull the image even where it is there'),
  },
  examples: ['cri run container.json pod.json', 'cri run --rm -it busybox sh', 'cri run -d --name web -p 8080:80 nginx'],
  async run(call) {
    const { args, options, out } = call
    if (asksForSchema(args, isCrictl(call))) return out.line(await configSchemaText(args)), 0
    const isFiles = areFiles(call, args, FILES)
    const wrong = isFiles ? args.length !== FILES : args.length === 0
    if (wrong) throw new Failure('invalid', isFiles ? 'run needs two files: the configurations of the container and of its pod' : 'no image to run', { hint: "see 'scow cri run --help'" })
    const described = isFiles ? await fromFiles(args as [string, string]) : await fromFlags({ ...options, image: args[0]!, command: args.slice(1) })
    const { RunPodSandboxRequest, CreateContainerRequest, StartContainerRequest } = await import('../../cri/wire/generated/runtime-v1.ts')
    const pod = RunPodSandboxRequest.fromPartial({ config: described.pod, runtimeHandler: options.runtime ?? '' })
    if (options.dryRun) {
      const create = CreateContainerRequest.fromPartial({ config: described.container, sandboxConfig: described.pod })
      return showPlan(out, [{ rpc: 'RunPodSandbox', request: pod }, { rpc: 'CreateContainer', request: create }, { rpc: 'StartContainer', request: StartContainerRequest.fromPartial({}) }])
    }
    try {
      const cri = await openCri(call)
      await pullForRun(cri, call, { described, options, isFiles })
      const started = await start(cri.runtime, described, { handler: options.runtime ?? '', timeoutMs: options.cancelTimeout })
      if (isFiles || options.detach) return out.line(started.containerId), 0
      try {
        return await showOutput(cri.runtime, { ...started, stdin: options.interactive, tty: options.tty }, call)
      } finally {
        if (options.rm) await removePod(cri.runtime, started.podSandboxId)
      }
    } catch (error) {
      // below 125 the codes are the container's own
      out.error(error)
      return exitCodeOf(error, isFiles ? EXIT_CODES : {})
    }
  },
})

async function fromFiles([containerFile, podFile]: readonly [string, string]): Promise<Described> {
  const { readContainerConfig, readPodConfig } = await import('../../cri/client/message-files.ts')
  return { container: await readContainerConfig(containerFile), pod: await readPodConfig(podFile) }
}

async function fromFlags(flags: PodFlags & ContainerFlags): Promise<Described> {
  const { containerFromFlags, podFromFlags } = await import('../../cri/client/from-flags.ts')
  const pod = podFromFlags(flags)
  return { pod, container: containerFromFlags({ ...flags, name: flags.name ?? 'main' }, pod) }
}

interface Pulling { readonly described: Described; readonly options: PullFlags & { readonly noPull: boolean; readonly withPull: boolean }; readonly isFiles: boolean }

/** As crictl, files pull unless told not to; from flags only what is not there is pulled. */
async function pullForRun(cri: Cri, call: CriCall, { described, options, isFiles }: Pulling): Promise<void> {
  if (options.noPull) return
  const image = described.container.image!.image
  const images = await cri.images()
  if (!options.withPull) {
    if (cri.settings.disablePullOnRun) return
    const { findImage } = await import('../../cri/client/images.ts')
    if (!isFiles && await findImage(images, image)) return
  }
  await pullWithProgress(images, { image, pod: described.pod, ...await pullSettings(options) }, call)
}

interface Manner { readonly handler: string; readonly timeoutMs: number | undefined }
interface Started { readonly podSandboxId: string; readonly containerId: string }

/** Whatever fails, no half of it stays. */
async function start(runtime: Connection, { pod, container }: Described, { handler, timeoutMs }: Manner): Promise<Started> {
  const { RuntimeServiceService: Runtime, RunPodSandboxRequest, CreateContainerRequest, StartContainerRequest } = await import('../../cri/wire/generated/runtime-v1.ts')
  const { podSandboxId } = await runtime.call(Runtime.runPodSandbox, RunPodSandboxRequest.fromPartial({ config: pod, runtimeHandler: handler }), { timeoutMs })
  try {
    const { containerId } = await runtime.call(Runtime.createContainer, CreateContainerRequest.fromPartial({ podSandboxId, config: container, sandboxConfig: pod }), { timeoutMs })
    await runtime.call(Runtime.startContainer, StartContainerRequest.fromPartial({ containerId }), { timeoutMs })
    return { podSandboxId, containerId }
  } catch (error) {
    await removePod(runtime, podSandboxId).catch(() => {})
    const { isMissingCommand } = await import('../../cri/client/remote-command.ts')
    throw error instanceof Failure && isMissingCommand(error.message) ? new Failure('commandNotFound', error.message, { cause: error }) : error
  }
}

async function removePod(runtime: Connection, podSandboxId: string): Promise<void> {
  const { RuntimeServiceService: Runtime, RemovePodSandboxRequest, StopPodSandboxRequest } = await import('../../cri/wire/generated/runtime-v1.ts')
  await runtime.call(Runtime.stopPodSandbox, StopPodSandboxRequest.fromPartial({ podSandboxId }))
  await runtime.call(Runtime.removePodSandbox, RemovePodSandboxRequest.fromPartial({ podSandboxId }))
}
