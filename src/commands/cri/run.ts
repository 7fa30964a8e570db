import { duration, flag, text } from '../../cli/option.ts'
import type { Output } from '../../cli/output.ts'
import type { ContainerFlags, PodFlags } from '../../cri/client/from-flags.ts'
import { exitCodeOf, Failure, type ErrorKind } from '../../errors.ts'
import { defineCommand } from '../command.ts'
import { pullOverCri } from '../pull-over-cri.ts'
import { EXIT_CODES, openCri, seeHelp, type Cri, type CriCall } from './command.ts'
import { asksForSchema, chosenSchemas } from './config-schema.ts'
import { containerOptions, dryRun, podOptions } from './container-options.ts'
import { endPod } from './end-pod.ts'
import { showOutput } from './foreground.ts'
import { areFiles, showPlan, type Described } from './plan.ts'
import { checkPullChoice, pullOptions, pullSettings, type PullFlags } from './pull-options.ts'

const FILES = 2
/** Below these the codes are the container's own; 126 and 127 are of a command that was tried. */
const BEFORE_COMMAND = { cannotInvoke: 125 }

export const spec = defineCommand({
  name: 'run',
  exitCodes: BEFORE_COMMAND,
  summary: 'Run a container in a pod of its own, from files or from flags',
  description: 'Run a container in a pod of its own: from two files, then its id is printed; or from flags, an image and a command, as podman does it. jsonschema --pod or --container prints the schema of these files.',
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
    const isFiles = areFiles(call, args, FILES)
    let codes: Partial<Record<ErrorKind, number>> = isFiles || options.dryRun ? EXIT_CODES : BEFORE_COMMAND
    try {
      if (asksForSchema(call, args)) return out.line(await chosenSchemas(args)), 0
      if (isFiles ? args.length !== FILES : args.length === 0) throw new Failure('invalid', isFiles ? 'run needs two files: the configurations of the container and of its pod' : 'no image to run', { hint: seeHelp(call, 'run') })
      checkPullChoice(options)
      if (options.rm && (isFiles || options.detach)) throw new Failure('invalid', `--rm ${isFiles ? 'and files' : 'and --detach'} exclude each other: nobody waits for the end`, { hint: 'drop --rm, and remove the pod later with scow cri rmp --force' })
      const described = isFiles ? await fromFiles(args as [string, string]) : await fromFlags({ ...options, image: args[0]!, command: args.slice(1) })
      if (options.dryRun) return await showRun(out, described, options.runtime ?? '')
      const cri = await openCri(call)
      await pullForRun(cri, call, { described, options, isFiles })
      const started = await start(cri, described, { handler: options.runtime ?? '', timeoutMs: options.cancelTimeout, signal: call.interrupt.signal, onPod: () => { if (!isFiles) codes = {} } })
      if (isFiles || options.detach) return out.line(started.containerId), 0
      try {
        return await showOutput(cri.runtime, { ...started, stdin: options.interactive, tty: options.tty }, call)
      } finally {
        if (options.rm) await removePod(cri, started.podSandboxId)
      }
    } catch (error) {
      out.error(error)
      return exitCodeOf(error, codes)
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

async function showRun(out: Output, { pod, container }: Described, handler: string): Promise<number> {
  const { RunPodSandboxRequest, CreateContainerRequest, StartContainerRequest } = await import('../../cri/wire/generated/runtime-v1.ts')
  await showPlan(out, [
    { rpc: 'RunPodSandbox', request: RunPodSandboxRequest.fromPartial({ config: pod, runtimeHandler: handler }) },
    { rpc: 'CreateContainer', request: CreateContainerRequest.fromPartial({ config: container, sandboxConfig: pod }) },
    { rpc: 'StartContainer', request: StartContainerRequest.fromPartial({}) },
  ])
  return 0
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
  await pullOverCri(images, { image, pod: described.pod, ...await pullSettings(options) })
}

interface Manner {
  readonly handler: string
  readonly timeoutMs: number | undefined
  readonly signal: AbortSignal
  /** Called when the pod is there: what fails from then on is the container's. */
  readonly onPod: () => void
}
interface Started { readonly podSandboxId: string; readonly containerId: string }

/** Whatever fails, no half of it stays; of a pod that was there already, as some runtimes answer, nothing goes. */
async function start(cri: Cri, { pod, container }: Described, { handler, timeoutMs, signal, onPod }: Manner): Promise<Started> {
  const [{ RuntimeServiceService: Runtime, ListPodSandboxRequest, RunPodSandboxRequest, CreateContainerRequest, StartContainerRequest }, { makeLogFolder }] = await Promise.all([import('../../cri/wire/generated/runtime-v1.ts'), import('../../cri/client/log-folder.ts')])
  // a pod whose making is broken off may be there all the same, and nobody would know its id
  const runtime = await cri.afterwards()
  const { items: before } = await runtime.call(Runtime.listPodSandbox, ListPodSandboxRequest.fromPartial({}))
  const { podSandboxId } = await runtime.call(Runtime.runPodSandbox, RunPodSandboxRequest.fromPartial({ config: pod, runtimeHandler: handler }), { timeoutMs })
  onPod()
  try {
    signal.throwIfAborted()
    makeLogFolder(runtime, pod, container)
    const { containerId } = await runtime.call(Runtime.createContainer, CreateContainerRequest.fromPartial({ podSandboxId, config: container, sandboxConfig: pod }), { timeoutMs })
    signal.throwIfAborted()
    await runtime.call(Runtime.startContainer, StartContainerRequest.fromPartial({ containerId }), { timeoutMs })
    signal.throwIfAborted()
    return { podSandboxId, containerId }
  } catch (error) {
    if (!before.some(({ id }) => id === podSandboxId)) await removePod(cri, podSandboxId).catch(() => {})
    throw (await import('../../cri/client/remote-command.ts')).asStartFailure(error)
  }
}

/** After an interrupt too. */
async function removePod({ afterwards }: Cri, podSandboxId: string): Promise<void> {
  const runtime = await afterwards()
  const { RuntimeServiceService: Runtime, RemovePodSandboxRequest } = await import('../../cri/wire/generated/runtime-v1.ts')
  await endPod(runtime, podSandboxId)
  await runtime.call(Runtime.removePodSandbox, RemovePodSandboxRequest.fromPartial({ podSandboxId }))
}
