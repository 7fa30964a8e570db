import { lookUpImage } from '../../engine/find-image.ts'
import { defineCommand } from '../command.ts'

export const spec = defineCommand({
  name: 'exists',
  summary: 'Say by the exit code whether an image is here: 0 yes, 1 no',
  args: [{ name: 'image', arity: 'one', complete: 'image' }],
  options: {},
  examples: ['image exists debian:12'],
  run: async ({ args, engine }) => (await lookUpImage(await engine(), args[0]!) ? 0 : 1),
})
