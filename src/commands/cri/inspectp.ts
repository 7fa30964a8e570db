import { flag, text } from '../../cli/option.ts'
import type { PodSandboxStatusResponse } from '../../cri/wire/generated/runtime-v1.ts'
import { GoTime } from '../../cli/template/values.ts'
import { Failure } from '../../errors.ts'
import { defineCri, openCri } from './command.ts'
import { inspectOutput, podFilters, template } from './options.ts'
import { goMapText, pairLines, printJson } from './print.ts'

export const spec = defineCri({
  name: 'inspectp',
  summary: 'Show all that is known of pods',
  args: [{ name: 'pod', arity: 'many' }],
  options: {
    ...podFilters,
    all: flag('-a, --all', 'Every pod'),
    id: text('--id <id>', 'This one, by its full id or its beginning'),
    output: inspectOutput,
    quiet: flag('-q, --quiet', 'Without the runtime\'s own information'),
    template,
  },
  examples: ['cri inspectp 1f73f2d81bf98', 'cri inspectp --name nginx'],
  async run(call) {
    const { options, out } = call
    const [{ findPods, parseLabels }, { formatTime, inspected, podStatusJson }, { RuntimeServiceService: Runtime, PodSandboxStatusRequest }, { runtime }] = await Promise.all([
      import('../../cri/client/containers.ts'), import('../../cri/client/inspected.ts'), import('../../cri/wire/generated/runtime-v1.ts'), openCri(call),
    ])
    const ids = call.args.length > 0 ? call.args : (await findPods(runtime, { ...options, last: options.last ?? 0, labels: parseLabels(options.label) })).map(({ id }) => id)
    if (ids.length === 0) throw new Failure('notFound', 'no pod matches')
    const answers = await Promise.all(ids.map((podSandboxId) => runtime.call(Runtime.podSandboxStatus, PodSandboxStatusRequest.fromPartial({ podSandboxId, verbose: !options.quiet }))))
    if (options.output === 'table') return out.write(answers.map((answer) => tableOf(answer, { quiet: options.quiet, formatTime })).join(''))
    const shown = answers.map(({ status, info }) => inspected(podStatusJson(status!), info))
    await printJson(out, shown.length === 1 ? shown[0]! : shown, options)
  },
})

const STATE_NAMES = ['SANDBOX_READY', 'SANDBOX_NOTREADY']

function tableOf({ status, info }: PodSandboxStatusResponse, { quiet, formatTime }: { quiet: boolean; formatTime: (ns: bigint) => string }): string {
  const { id, metadata, state, createdAt, network, labels, annotations } = status!
  return [
    `ID: ${id}`, ...(metadata?.name ? [`Name: ${metadata.name}`] : []), ...(metadata?.uid ? [`UID: ${metadata.uid}`] : []), ...(metadata?.namespace ? [`Namespace: ${metadata.namespace}`] : []),
    ...(metadata ? [`Attempt: ${metadata.attempt}`] : []), `Status: ${STATE_NAMES[state]}`, `Created: ${new GoTime(formatTime(createdAt))}`,
    ...(network ? [`IP Addresses: ${network.ip}`, ...network.additionalIps.map(({ ip }) => `Additional IP: ${ip}`)] : []),
    ...pairLines('Labels', labels), ...pairLines('Annotations', annotations), ...(quiet ? [] : [`Info: ${goMapText(info)}`]), '',
  ].join('\n')
}
