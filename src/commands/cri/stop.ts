import { flag, integer } from '../../cli/option.ts'
import { Failure } from '../../errors.ts'
import { forEach } from '../each.ts'
import { codeOf, defineCri, openCri } from './command.ts'

/** What the runtime may need beyond the container's own time. */
const GRACE_MS = 30_000

export const spec = defineCri({
  name: 'stop',
  summary: 'Stop running containers',
  args: [{ name: 'container', arity: 'some' }],
  argsOptionalWith: ['all'],
  options: {
    all: flag('-a, --all', 'All that run'),
    timeout: integer('-t, --timeout <seconds>', 'Kill it after so long; 0, the default: at once'),
  },
  async run(call) {
    const { args, options, out } = call
    if (options.all && args.length > 0) throw new Failure('invalid', '--all and containers exclude each other', { hint: 'leave out one' })
    const [{ findContainers }, { RuntimeServiceService: Runtime, StopContainerRequest }, cri] = await Promise.all([
      import('../../cri/client/containers.ts'), import('../../cri/wire/generated/runtime-v1.ts'), openCri(call),
    ])
    const ids = options.all ? (await findContainers(cri.runtime, cri.runtime, {})).map(({ id }) => id) : args
    if (ids.length === 0) return out.note('No running containers'), 0
    const seconds = options.timeout ?? 0
    const timeoutMs = seconds * 1000 + (cri.settings.timeoutMs ?? GRACE_MS)
    return codeOf(await forEach({ items: ids, out, parallel: ids.length, act: async (containerId) => {
      await cri.runtime.call(Runtime.stopContainer, StopContainerRequest.fromPartial({ containerId, timeout: BigInt(seconds) }), { timeoutMs })
      return containerId
    } }))
  },
})
