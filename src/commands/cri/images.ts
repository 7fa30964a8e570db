import { humanSize } from '../../cli/human.ts'
import { commaList, flag } from '../../cli/option.ts'
import type { Image } from '../../cri/wire/generated/runtime-v1.ts'
import { defineCri, openImages } from './command.ts'
import { listOutput } from './options.ts'
import { printJson, shortId, table } from './print.ts'

export const spec = defineCri({
  name: 'images',
  summary: 'List images',
  args: [{ name: 'image', arity: 'optional' }],
  options: {
    digests: flag('--digests', 'Show digests'),
    filter: commaList('-f, --filter <condition>', 'dangling=, reference=, before= or since='),
    noTrunc: flag('--no-trunc', 'Show whole ids'),
    output: listOutput,
    pinned: flag('--pinned', 'Show whether the runtime keeps the image'),
    quiet: flag('-q, --quiet', 'Only ids'),
    verbose: flag('-v, --verbose', 'Show every name'),
  },
  examples: ['cri images', 'cri images --filter dangling=true -q'],
  async run(call) {
    const { args, options, out } = call
    const [{ findImages, repositoryDigest, repositoryTags }, { toJson }, connection] = await Promise.all([import('../../cri/client/images.ts'), import('../../cri/client/protojson.ts'), openImages(call)])
    const found = await findImages(connection, args[0] ?? '', options.filter)
    if (options.output === 'json' || options.output === 'yaml') return printJson(out, { images: found.map(toJson) }, options)
    if (options.quiet) return out.write(found.map(({ id }) => `${id}\n`).join(''))
    if (options.verbose) return out.write(found.map(verbose).join(''))
    const cut = options.noTrunc ? (text: string) => text : shortId
    const shown = <T>(on: boolean, cell: T): T[] => (on ? [cell] : [])
    out.write(table(
      ['IMAGE', 'TAG', ...shown(options.digests, 'DIGEST'), 'IMAGE ID', 'SIZE', ...shown(options.pinned, 'PINNED')],
      found.flatMap((image) => repositoryTags(image).map(([name, tag]) => [
        name, tag, ...shown(options.digests, cut(repositoryDigest(image))), cut(image.id), humanSize(Number(image.size)), ...shown(options.pinned, String(image.pinned)),
      ])),
    ))
  },
})

const verbose = (image: Image): string => [
  `ID: ${image.id}`, ...image.repoTags.map((tag) => `RepoTags: ${tag}`), ...image.repoDigests.map((digest) => `RepoDigests: ${digest}`),
  ...(image.size ? [`Size: ${image.size}`] : []), ...(image.uid ? [`Uid: ${image.uid.value}`] : []), ...(image.username ? [`Username: ${image.username}`] : []),
  ...(image.pinned ? ['Pinned: true'] : []), '', '',
].join('\n')
