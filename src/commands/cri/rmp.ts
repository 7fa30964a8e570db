import { flag } from '../../cli/option.ts'
import type { Connection } from '../../cri/client/connection.ts'
import { Failure } from '../../errors.ts'
import { forEach } from '../each.ts'
import { codeOf, defineCri, nothingNamed, openCri } from './command.ts'
import { endPod } from './end-pod.ts'

export const spec = defineCri({
  name: 'rmp',
  summary: 'Remove pods',
  args: [{ name: 'pod', arity: 'many' }],
  options: {
    all: flag('-a, --all', 'All pods'),
    force: flag('-f, --force', 'Those that are ready too: they are stopped first'),
  },
  async run(call) {
    const { args, options, out } = call
    if (args.length === 0 && !options.all) return nothingNamed(call, 'pod')
    const [{ findPods }, { runtime }] = await Promise.all([import('../../cri/client/containers.ts'), openCri(call)])
    const ids = options.all ? (await findPods(runtime, {})).map(({ id }) => id) : args
    if (ids.length === 0) return out.note('No pods to remove'), 0
    return codeOf(await forEach({ items: ids, out, parallel: ids.length, act: (id) => remove(runtime, id, options.force) }))
  },
})

async function remove(runtime: Connection, podSandboxId: string, force: boolean): Promise<string> {
  const { RuntimeServiceService: Runtime, PodSandboxState, PodSandboxStatusRequest, RemovePodSandboxRequest } = await import('../../cri/wire/generated/runtime-v1.ts')
  const { status } = await runtime.call(Runtime.podSandboxStatus, PodSandboxStatusRequest.fromPartial({ podSandboxId }))
  const isReady = status?.state === PodSandboxState.SANDBOX_READY
  if (isReady) {
    if (!force) throw new Failure('wrongState', `pod ${podSandboxId} is ready`, { hint: 'stop it first, or use --force' })
    await endPod(runtime, podSandboxId)
  }
  await runtime.call(Runtime.removePodSandbox, RemovePodSandboxRequest.fromPartial({ podSandboxId }))
  return `${isReady ? `Stopped sandbox ${podSandboxId}\n` : ''}Removed sandbox ${podSandboxId}`
}
