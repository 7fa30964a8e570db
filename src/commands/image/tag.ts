import { tagImage } from '../../engine/tag-image.ts'
import { defineCommand } from '../command.ts'

export const spec = defineCommand({
  name: 'tag',
  summary: 'Give an image further names',
  args: [{ name: 'image', arity: 'one', complete: 'image' }, { name: 'name', arity: 'some' }],
  options: {},
  examples: ['tag debian:12 localhost/base:1'],
  async run({ args, engine: open }) {
    const engine = await open()
    const [image, ...names] = args as [string, ...string[]]
    for (const name of names) await tagImage(engine, image, name)
  },
})
