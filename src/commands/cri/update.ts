import { integer, text } from '../../cli/option.ts'
import { Failure } from '../../errors.ts'
import { forEach } from '../each.ts'
import { codeOf, defineCri, openCri } from './command.ts'

export const spec = defineCri({
  name: 'update',
  summary: 'Change the limits of running containers',
  args: [{ name: 'container', arity: 'some' }],
  options: {
    cpuCount: integer('--cpu-count <number>', 'Windows only: number of processors'),
    cpuMaximum: integer('--cpu-maximum <number>', 'Windows only: share of all processors in percent times 100'),
    cpuPeriod: integer('--cpu-period <microseconds>', 'Period of the cpu limit'),
    cpuQuota: integer('--cpu-quota <microseconds>', 'Cpu time in a period'),
    cpuShare: integer('--cpu-share <weight>', 'Share of the cpu against others'),
    cpusetCpus: text('--cpuset-cpus <list>', 'Processors it may use'),
    cpusetMems: text('--cpuset-mems <list>', 'Memory nodes it may use'),
    memory: integer('--memory <bytes>', 'Limit of memory'),
    oomScoreAdj: text('--oom-score-adj <number>', 'How likely the kernel kills it when memory is short'),
  },
  examples: ['cri update --memory 67108864 1f73f2d81bf98'],
  async run(call) {
    const { options: given, out } = call
    const [{ RuntimeServiceService: Runtime, UpdateContainerResourcesRequest }, { runtime }] = await Promise.all([import('../../cri/wire/generated/runtime-v1.ts'), openCri(call)])
    if (given.oomScoreAdj !== undefined && !/^-?\d+$/.test(given.oomScoreAdj)) throw new Failure('invalid', `invalid value "${given.oomScoreAdj}" for --oom-score-adj`, { hint: 'give a whole number' })
    const number = (value: number | string | undefined): bigint => BigInt(value ?? 0)
    const linux = {
      cpuPeriod: number(given.cpuPeriod), cpuQuota: number(given.cpuQuota), cpuShares: number(given.cpuShare), memoryLimitInBytes: number(given.memory),
      cpusetCpus: given.cpusetCpus ?? '', cpusetMems: given.cpusetMems ?? '', oomScoreAdj: number(given.oomScoreAdj),
    }
    const isWindows = given.cpuCount !== undefined || given.cpuMaximum !== undefined
    const windows = isWindows ? { windows: { cpuCount: number(given.cpuCount), cpuMaximum: number(given.cpuMaximum), cpuShares: number(given.cpuShare), memoryLimitInBytes: number(given.memory) } } : {}
    return codeOf(await forEach({ items: call.args, out, act: async (containerId) => {
      await runtime.call(Runtime.updateContainerResources, UpdateContainerResourcesRequest.fromPartial({ containerId, linux, ...windows }))
      return containerId
    } }))
  },
})
