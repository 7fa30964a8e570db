import { flag, list, oneOf, text } from '../../cli/option.ts'
import { isJsonFormat, printListing } from '../../cli/report.ts'
import { allNames } from '../../engine/find-image.ts'
import { Failure } from '../../errors.ts'
import { openBackend } from '../backend.ts'
import { defineCommand } from '../command.ts'
import { splitFilter } from '../filter.ts'
import { imageFilter, isReference } from './image-filters.ts'
import { created, createdMs, history, imageId, imageJson, imageView, repository, size, tag, type Image, type ImageRow } from './images-view.ts'
import { engineImages } from './source.ts'

const SORTS = ['created', 'id', 'repository', 'size', 'tag'] as const

export const spec = defineCommand({
  name: 'images',
  summary: 'List images',
  args: [{ name: 'image', arity: 'optional', complete: 'image' }],
  options: {
    all: flag('-a, --all', 'Show intermediate images too'),
    digests: flag('--digests', 'Show digests'),
    filter: list('-f, --filter <filter>', 'Show those that match: reference, label, dangling, before, since, ...', { complete: 'imageFilter' }),
    format: text('--format <template>', 'json, or a Go template'),
    history: flag('--history', 'Show the names an image had'),
    noTrunc: flag('--no-trunc', 'Show ids in full'),
    noheading: flag('-n, --noheading', 'Leave out the headings'),
    quiet: flag('-q, --quiet', 'Show ids only'),
    sort: oneOf('--sort <column>', 'Sort by a column', SORTS),
  },
  examples: ['images', 'images --filter dangling=true -q', 'images --format "{{.Repository}}:{{.Tag}} {{.Size}}"'],
  async run(call) {
    const { args, options, out } = call
    if (options.quiet && options.format !== undefined) throw new Failure('invalid', '--quiet and --format exclude each other')
    if (args[0] !== undefined && options.filter.length > 0) throw new Failure('invalid', 'an image and --filter exclude each other', { hint: 'use --filter reference=NAME' })
    const { images: source } = await openBackend(call, (engine) => ({ images: engineImages(engine) }))
    const filters = args[0] === undefined ? options.filter : [`reference=${args[0]}`]
    const matches = await imageFilter(source, filters)
    const wanted = filters.map(splitFilter).filter(({ key }) => key === 'reference').map(({ value }) => value)
    const uses = await source.uses()
    const images = sortImages((await source.list()).filter(matches))
    if (options.quiet) return out.write(images.map(({ id }) => `${options.noTrunc ? `sha256:${id}` : id.slice(0, 12)}\n`).join(''))
    const nowMs = Date.now()
    const json = options.format !== undefined && isJsonFormat(options.format)
    const rows = images.flatMap((image): ImageRow[] => {
      const shown = image.names.filter((name) => wanted.length === 0 || wanted.some((text) => isReference(name, text)))
      const names = json || image.names.length === 0 ? [allNames(image)[0]] : shown
      return names.map((name) => ({ image, name, nowMs, truncate: !options.noTrunc, containers: uses.get(image.id) ?? 0 }))
    })
    await printListing(out, {
      name: 'images', rows: sortRows(rows, options.sort), format: options.format, noHeading: options.noheading, jsonIndent: 4, view: imageView, json: imageJson,
      headings: { ID: 'IMAGE ID', Id: 'IMAGE ID', CreatedSince: 'CREATED', CreatedAt: 'CREATED AT', ReadOnly: 'R/O' },
      columns: [
        { heading: 'REPOSITORY', cell: repository }, { heading: 'TAG', cell: tag },
        ...(options.digests ? [{ heading: 'DIGEST', cell: ({ image }: ImageRow) => image.digest }] : []),
        { heading: 'IMAGE ID', cell: imageId }, { heading: 'CREATED', cell: created }, { heading: 'SIZE', cell: size },
        ...(options.history ? [{ heading: 'HISTORY', cell: ({ image }: ImageRow) => history(image).join(', ') }] : []),
      ],
    })
  },
})

/** Newest first. */
const sortImages = (images: readonly Image[]): Image[] => [...images].sort((a, b) => createdMs(b) - createdMs(a))

function sortRows(rows: readonly ImageRow[], by: (typeof SORTS)[number] | undefined): ImageRow[] {
  if (by === undefined || by === 'created') return [...rows]
  const key = { id: (row: ImageRow) => row.image.id, repository, size: (row: ImageRow) => row.image.sizeBytes, tag }[by]
  return [...rows].sort((a, b) => Number(key(a) > key(b)) - Number(key(a) < key(b)))
}
