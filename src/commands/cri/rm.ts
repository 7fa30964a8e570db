import { existsSync, globSync, rmSync } from 'node:fs'
import { flag } from '../../cli/option.ts'
import type { Connection } from '../../cri/client/connection.ts'
import { Failure } from '../../errors.ts'
import { forEach } from '../each.ts'
import { codeOf, defineCri, nothingNamed, openCri } from './command.ts'

export const spec = defineCri({
  name: 'rm',
  summary: 'Remove containers, and their logs',
  args: [{ name: 'container', arity: 'many' }],
  options: {
    all: flag('-a, --all', 'All containers'),
    force: flag('-f, --force', 'Those that run too: they are stopped first'),
    keepLogs: flag('-k, --keep-logs', 'Leave the log and its rotations'),
  },
  async run(call) {
    const { args, options, out } = call
    if (args.length === 0 && !options.all) return nothingNamed(call, 'container')
    const [{ findContainers }, cri] = await Promise.all([import('../../cri/client/containers.ts'), openCri(call)])
    const ids = options.all ? (await findContainers(cri.runtime, cri.runtime, { all: true })).map(({ id }) => id) : args
    if (ids.length === 0) return out.note('No containers to remove'), 0
    return codeOf(await forEach({ items: ids, out, parallel: ids.length, act: (id) => remove(cri.runtime, id, options) }))
  },
})

async function remove(runtime: Connection, containerId: string, { force, keepLogs }: { force: boolean; keepLogs: boolean }): Promise<string> {
  const { RuntimeServiceService: Runtime, ContainerState, ContainerStatusRequest, RemoveContainerRequest, StopContainerRequest } = await import('../../cri/wire/generated/runtime-v1.ts')
  const { status } = await runtime.call(Runtime.containerStatus, ContainerStatusRequest.fromPartial({ containerId }))
  const isRunning = status?.state === ContainerState.CONTAINER_RUNNING
  if (isRunning) {
    if (!force) throw new Failure('wrongState', `container ${containerId} is running`, { hint: 'stop it first, or use --force' })
    await runtime.call(Runtime.stopContainer, StopContainerRequest.fromPartial({ containerId, timeout: 0n }))
  }
  await runtime.call(Runtime.removeContainer, RemoveContainerRequest.fromPartial({ containerId }))
  if (!keepLogs && status?.logPath) removeLogs(status.logPath)
  // once for the stop, once for the removal, as crictl says it
  return isRunning ? `${containerId}\n${containerId}` : containerId
}

function removeLogs(path: string): void {
  for (const file of [path, ...(path.includes('*') ? [] : globSync(`${path}.*`))]) if (existsSync(file)) rmSync(file, { force: true })
}
