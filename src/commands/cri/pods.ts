import { flag, text } from '../../cli/option.ts'
import { GoTime } from '../../cli/template/values.ts'
import type { PodSandbox } from '../../cri/wire/generated/runtime-v1.ts'
import { defineCri, openCri } from './command.ts'
import { listOutput, podFilters } from './options.ts'
import { ago, pairLines, printJson, shortId, table } from './print.ts'

const HEADINGS = ['POD ID', 'CREATED', 'STATE', 'NAME', 'NAMESPACE', 'ATTEMPT', 'RUNTIME']
const STATES = ['Ready', 'NotReady']

export const spec = defineCri({
  name: 'pods',
  summary: 'List pods',
  options: {
    ...podFilters,
    id: text('--id <id>', 'Only this one, by its full id or its beginning'),
    noTrunc: flag('--no-trunc', 'Show whole ids'),
    output: listOutput,
    quiet: flag('-q, --quiet', 'Only ids'),
    verbose: flag('-v, --verbose', 'Show labels and annotations too'),
  },
  examples: ['cri pods', 'cri pods --state notready -q'],
  async run(call) {
    const { options, out } = call
    const [{ findPods, parseLabels }, { toJson }, { formatTime }, { runtime }] = await Promise.all([
      import('../../cri/client/containers.ts'), import('../../cri/client/protojson.ts'), import('../../cri/client/inspected.ts'), openCri(call),
    ])
    const found = await findPods(runtime, { ...options, last: options.last ?? 0, labels: parseLabels(options.label) })
    if (options.output === 'json' || options.output === 'yaml') return printJson(out, { items: found.map(toJson) }, options)
    if (options.quiet) return out.write(found.map(({ id }) => `${id}\n`).join(''))
    if (options.verbose) return out.write(found.map((pod) => verbose(pod, formatTime(pod.createdAt))).join(''))
    out.write(table(HEADINGS, found.map((pod) => [
      options.noTrunc ? pod.id : shortId(pod.id), ago(pod.createdAt), STATES[pod.state] ?? String(pod.state), pod.metadata?.name ?? '', pod.metadata?.namespace ?? '',
      String(pod.metadata?.attempt ?? 0), handler(pod),
    ])))
  },
})

const handler = ({ runtimeHandler }: PodSandbox): string => runtimeHandler || '(default)'

/** `created`: RFC 3339. */
const verbose = (pod: PodSandbox, created: string): string => [
  `ID: ${pod.id}`, ...(pod.metadata?.name ? [`Name: ${pod.metadata.name}`] : []), ...(pod.metadata?.uid ? [`UID: ${pod.metadata.uid}`] : []),
  ...(pod.metadata?.namespace ? [`Namespace: ${pod.metadata.namespace}`] : []), ...(pod.metadata?.attempt ? [`Attempt: ${pod.metadata.attempt}`] : []),
  `Status: ${STATES[pod.state] ?? pod.state}`, `Created: ${new GoTime(created)}`,
  ...pairLines('Labels', pod.labels), ...pairLines('Annotations', pod.annotations), `Runtime: ${handler(pod)}`, '', '',
].join('\n')
