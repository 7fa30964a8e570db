import { flag, text } from '../../cli/option.ts'
import type { Container } from '../../cri/wire/generated/runtime-v1.ts'
import { defineCri, openCri, type Cri } from './command.ts'
import { containerFilters, containerState, listOutput } from './options.ts'
import { ago, pairLines, printJson, shortId, table } from './print.ts'

const HEADINGS = ['CONTAINER', 'IMAGE', 'CREATED', 'STATE', 'NAME', 'ATTEMPT', 'POD ID', 'POD', 'NAMESPACE']
const STATES = ['Created', 'Running', 'Exited', 'Unknown']

export const spec = defineCri({
  name: 'ps',
  summary: 'List containers',
  options: {
    ...containerFilters,
    all: flag('-a, --all', 'Those that do not run too'),
    id: text('--id <id>', 'Only this one, by its full id or its beginning'),
    noTrunc: flag('--no-trunc', 'Show whole ids'),
    output: listOutput,
    quiet: flag('-q, --quiet', 'Only ids'),
    resolveImagePath: flag('-r, --resolve-image-path', 'Show the name of the image instead of its id'),
    state: containerState,
    verbose: flag('-v, --verbose', 'Show labels and annotations too'),
  },
  examples: ['cri ps -a', 'cri ps --namespace kube-system --state running', 'cri ps -o json'],
  async run(call) {
    const { options, out } = call
    const [{ findContainers, parseLabels, podNameOf, podNamespaceOf }, { toJson }, cri] = await Promise.all([
      import('../../cri/client/containers.ts'), import('../../cri/client/protojson.ts'), openCri(call),
    ])
    const found = await findContainers(cri.runtime, await cri.images(), { ...options, last: options.last ?? 0, labels: parseLabels(options.label) })
    if (options.output === 'json' || options.output === 'yaml') return printJson(out, { containers: found.map(toJson) }, options)
    if (options.quiet) return out.write(found.map(({ id }) => `${id}\n`).join(''))
    if (options.verbose) return out.write(found.map((one) => verbose(one, podNamespaceOf(one.labels))).join(''))
    const names = options.resolveImagePath ? await imageNames(cri, found) : new Map<string, string>()
    const cut = options.noTrunc ? (text: string) => text : shortId
    out.write(table(HEADINGS, found.map((one) => {
      const image = one.image?.image ?? ''
      return [cut(one.id), names.get(image) ?? (/^sha256:[\da-f]{64}$/.test(image) ? cut(image) : image), ago(one.createdAt), STATES[one.state] ?? String(one.state),
        one.metadata?.name ?? '', String(one.metadata?.attempt ?? 0), cut(one.podSandboxId), podNameOf(one.labels), podNamespaceOf(one.labels)]
    })))
  },
})

async function imageNames({ images }: Cri, containers: readonly Container[]): Promise<Map<string, string>> {
  const { findImage } = await import('../../cri/client/images.ts')
  const connection = await images()
  const references = [...new Set(containers.map(({ image }) => image?.image ?? ''))]
  const tags = await Promise.all(references.map(async (reference) => [reference, (await findImage(connection, reference))?.repoTags[0] ?? reference] as const))
  return new Map(tags)
}

const verbose = (one: Container, namespace: string): string => [
  `ID: ${one.id}`, `PodID: ${one.podSandboxId}`, `Namespace: ${namespace}`, ...(one.metadata?.name ? [`Name: ${one.metadata.name}`] : []),
  ...(one.metadata ? [`Attempt: ${one.metadata.attempt}`] : []), `State: ${STATES[one.state] ?? one.state}`, ...(one.image ? [`Image: ${one.image.image}`] : []),
  `Created: ${ago(one.createdAt)}`, ...pairLines('Labels', one.labels), ...pairLines('Annotations', one.annotations), '', '',
].join('\n')
