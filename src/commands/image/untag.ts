import { allNames, findImage, nameMeant } from '../../engine/find-image.ts'
import { untagImage } from '../../engine/remove-image.ts'
import { Failure } from '../../errors.ts'
import { defineCommand } from '../command.ts'

export const spec = defineCommand({
  name: 'untag',
  summary: 'Take names off an image',
  args: [{ name: 'image', arity: 'one', complete: 'image' }, { name: 'name', arity: 'many', complete: 'image' }],
  options: {},
  examples: ['untag debian:12', 'untag 0123456789ab localhost/base:1'],
  async run({ args, engine: open }) {
    const engine = await open()
    const [image, ...wanted] = args as [string, ...string[]]
    const found = await findImage(engine, image)
    const meant = wanted.map((text) => {
      const name = nameMeant(text, found)
      if (!name) throw new Failure('notFound', `${text}: the image has no such name`, { hint: `it has ${allNames(found).join(', ') || 'none'}` })
      return name
    })
    await untagImage(engine, image, meant)
  },
})
