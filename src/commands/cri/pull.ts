import { commaList, text } from '../../cli/option.ts'
import { pullOverCri } from '../pull-over-cri.ts'
import { defineCri, openImages } from './command.ts'
import { asksForSchema, schemaText } from './config-schema.ts'
import { pullOptions, pullSettings } from './pull-options.ts'

export const spec = defineCri({
  name: 'pull',
  summary: 'Pull an image',
  args: [{ name: 'image', arity: 'one' }],
  options: {
    ...pullOptions,
    username: { ...pullOptions.username, flags: '-u, --username <name>' },
    annotation: commaList('-a, --annotation <name=value>', 'Annotation of the image'),
    podConfig: text('--pod-config <file>', 'Pull for this pod', { complete: 'file' }),
  },
  examples: ['cri pull docker.io/library/busybox', 'cri pull --creds user:secret registry.example.com/app:1'],
  async run(call) {
    const { args, options, out } = call
    if (asksForSchema(call, args)) return out.line(await schemaText(['pod']))
    const [{ parseLabels }, { readPodConfig }, settings] = await Promise.all([import('../../cri/client/containers.ts'), import('../../cri/client/message-files.ts'), pullSettings(options)])
    const pod = options.podConfig === undefined ? undefined : await readPodConfig(options.podConfig)
    const images = await openImages(call)
    const reference = await pullOverCri(images, { image: args[0]!, pod, annotations: parseLabels(options.annotation), ...settings })
    out.line(`Image is up to date for ${reference}`)
  },
})
