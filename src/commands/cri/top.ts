import { readFileSync, readdirSync } from 'node:fs'
import { Failure } from '../../errors.ts'
import { renderTable } from '../../cli/table.ts'
import { defineCri, openCri } from './command.ts'

export const spec = defineCri({
  name: 'top',
  summary: 'Show the processes of a container of this node',
  args: [{ name: 'container', arity: 'one' }],
  options: {},
  async run(call) {
    const [{ RuntimeServiceService: Runtime, ContainerStatusRequest }, { pidIn }, { containerCalled }, { runtime }] = await Promise.all([import('../../cri/wire/generated/runtime-v1.ts'), import('../../cri/client/container-process.ts'), import('../../cri/client/containers.ts'), openCri(call)])
    const { id: containerId } = await containerCalled(runtime, call.args[0]!)
    const { info } = await runtime.call(Runtime.containerStatus, ContainerStatusRequest.fromPartial({ containerId, verbose: true }))
    const pid = pidIn(info)
    if (pid === undefined) throw new Failure('wrongState', `the runtime tells no process of ${call.args[0]}`, { hint: 'does it run?' })
    const group = cgroupOf(pid)
    if (group === undefined) throw new Failure('unsupported', `process ${pid} of the container is not on this machine`, { hint: 'run this on the node itself' })
    const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).filter((one) => cgroupOf(one) === group)
    call.out.write(renderTable(['PID', 'PPID', 'UID', 'STATE', 'RSS', 'COMMAND'], pids.flatMap(row)))
  },
})

function readProc(pid: number, name: string): string | undefined {
  try { return readFileSync(`/proc/${pid}/${name}`, 'utf8') } catch { return undefined }
}

const cgroupOf = (pid: number): string | undefined => readProc(pid, 'cgroup')

/** Nothing for a process that has ended meanwhile. */
function row(pid: number): string[][] {
  const status = readProc(pid, 'status')
  if (status === undefined) return []
  const field = (name: string): string => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? ''
  const command = (readProc(pid, 'cmdline') ?? '').replaceAll('\0', ' ').trim() || `[${field('Name')}]`
  return [[String(pid), field('PPid'), field('Uid').split('\t')[0]!, field('State').slice(0, 1), field('VmRSS'), command]]
}
