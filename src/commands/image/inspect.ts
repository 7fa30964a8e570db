import { text } from '../../cli/option.ts'
import { openBackend } from '../backend.ts'
import { defineCommand } from '../command.ts'
import { showInspected } from '../show-inspected.ts'
import { inspectImage } from './inspect-image.ts'

export const spec = defineCommand({
  name: 'inspect',
  summary: 'Show all about images',
  args: [{ name: 'image', arity: 'some', complete: 'image' }],
  options: { format: text('-f, --format <template>', 'json, or a Go template') },
  examples: ['image inspect debian:12', 'image inspect --format "{{.Config.Env}}" debian:12'],
  async run(call) {
    const { args, options, out } = call
    const { inspect } = await openBackend(call, (engine) => ({ inspect: new Map([['image', (name) => inspectImage(engine, name)]]) }))
    return showInspected({ names: args, format: options.format, out, look: (name) => inspect.get('image')!(name, { size: false }) })
  },
})
