import { flag, text } from '../../cli/option.ts'
import type { ContainerStatusResponse } from '../../cri/wire/generated/runtime-v1.ts'
import { Failure } from '../../errors.ts'
import { defineCri, openCri } from './command.ts'
import { containerFilters, containerState, inspectOutput, template } from './options.ts'
import { ago, goMapText, pairLines, printJson } from './print.ts'

export const spec = defineCri({
  name: 'inspect',
  summary: 'Show all that is known of containers',
  args: [{ name: 'container', arity: 'many' }],
  options: {
    ...containerFilters,
    all: flag('-a, --all', 'Every container, those that do not run too'),
    output: inspectOutput,
    quiet: flag('-q, --quiet', 'Without the runtime\'s own information'),
    state: containerState,
    template,
    id: text('--id <id>', 'This one, by its full id or its beginning'),
  },
  examples: ['cri inspect 1f73f2d81bf98', 'cri inspect -o go-template --template "{{.info.pid}}" 1f73f2d81bf98'],
  async run(call) {
    const { options, out } = call
    const [{ findContainers, parseLabels }, { containerStatusJson, inspected }, { RuntimeServiceService: Runtime, ContainerStatusRequest }, cri] = await Promise.all([
      import('../../cri/client/containers.ts'), import('../../cri/client/inspected.ts'), import('../../cri/wire/generated/runtime-v1.ts'), openCri(call),
    ])
    const ids = call.args.length > 0 ? call.args
      : (await findContainers(cri.runtime, await cri.images(), { ...options, last: options.last ?? 0, labels: parseLabels(options.label) })).map(({ id }) => id)
    if (ids.length === 0) throw new Failure('notFound', 'no container matches')
    const answers = await Promise.all(ids.map((containerId) => cri.runtime.call(Runtime.containerStatus, ContainerStatusRequest.fromPartial({ containerId, verbose: !options.quiet }))))
    if (options.output === 'table') return out.write(answers.map((answer) => tableOf(answer, options.quiet)).join(''))
    const shown = answers.map(({ status, info }) => inspected(containerStatusJson(status!), info))
    await printJson(out, shown.length === 1 ? shown[0]! : shown, options)
  },
})

const [CREATED, EXITED] = [0, 2]
const STATE_NAMES = ['CONTAINER_CREATED', 'CONTAINER_RUNNING', 'CONTAINER_EXITED', 'CONTAINER_UNKNOWN']

function tableOf({ status, info }: ContainerStatusResponse, quiet: boolean): string {
  const { id, metadata, state, createdAt, startedAt, finishedAt, exitCode, labels, annotations } = status!
  const isExited = state === EXITED
  return [
    `ID: ${id}`, ...(metadata?.name ? [`Name: ${metadata.name}`] : []), ...(metadata?.attempt ? [`Attempt: ${metadata.attempt}`] : []), `State: ${STATE_NAMES[state]}`,
    `Created: ${ago(createdAt)}`, ...(state === CREATED ? [] : [`Started: ${ago(startedAt)}`]),
    ...(isExited && finishedAt > 0n ? [`Finished: ${ago(finishedAt)}`] : []), ...(isExited ? [`Exit Code: ${exitCode}`] : []),
    ...pairLines('Labels', labels), ...pairLines('Annotations', annotations), ...(quiet ? [] : [`Info: ${goMapText(info)}`]), '',
  ].join('\n')
}
