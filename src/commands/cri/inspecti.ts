import { humanSize } from '../../cli/human.ts'
import { commaList, flag, text } from '../../cli/option.ts'
import type { ImageStatusResponse } from '../../cri/wire/generated/runtime-v1.ts'
import { Failure } from '../../errors.ts'
import { defineCri, openImages } from './command.ts'
import { inspectOutput, template } from './options.ts'
import { goMapText, printJson } from './print.ts'

export const spec = defineCri({
  name: 'inspecti',
  summary: 'Show all that is known of images',
  args: [{ name: 'image', arity: 'many' }],
  options: {
    filter: commaList('-f, --filter <condition>', 'dangling=, reference=, before= or since='),
    name: text('--name <image>', 'The images of this name'),
    output: inspectOutput,
    quiet: flag('-q, --quiet', 'Without the runtime\'s own information'),
    template,
  },
  examples: ['cri inspecti docker.io/library/busybox:latest'],
  async run(call) {
    const { options, out } = call
    const [{ findImages }, { inspected }, { toJson }, { ImageServiceService: Images, ImageStatusRequest }, connection] = await Promise.all([
      import('../../cri/client/images.ts'), import('../../cri/client/inspected.ts'), import('../../cri/client/protojson.ts'), import('../../cri/wire/generated/runtime-v1.ts'), openImages(call),
    ])
    const names = call.args.length > 0 ? call.args : (await findImages(connection, options.name ?? '', options.filter)).map(({ id }) => id)
    if (names.length === 0) throw new Failure('notFound', 'no image matches')
    const answers = await Promise.all(names.map(async (image) => {
      const answer = await connection.call(Images.imageStatus, ImageStatusRequest.fromPartial({ image: { image }, verbose: !options.quiet }))
      if (!answer.image) throw new Failure('notFound', `no such image: ${image}`, { hint: 'pull it first, or see the list of images' })
      return answer
    }))
    if (options.output === 'table') return out.write(answers.map((answer) => tableOf(answer, options.quiet)).join(''))
    const shown = answers.map(({ image, info }) => inspected(toJson(image), info))
    await printJson(out, shown.length === 1 ? shown[0]! : shown, options)
  },
})

const tableOf = ({ image, info }: ImageStatusResponse, quiet: boolean): string => [
  `ID: ${image!.id}`, ...image!.repoTags.map((tag) => `Tag: ${tag}`), ...image!.repoDigests.map((digest) => `Digest: ${digest}`),
  `Size: ${humanSize(Number(image!.size))}`, ...(quiet ? [] : [`Info: ${goMapText(info)}`]), '',
].join('\n')
