import { isFailure } from '../../errors.ts'
import { openBackend } from '../backend.ts'
import { defineCommand } from '../command.ts'
import { engineImages } from './source.ts'

export const spec = defineCommand({
  name: 'exists',
  summary: 'Say by the exit code whether an image is here: 0 yes, 1 no',
  args: [{ name: 'image', arity: 'one', complete: 'image' }],
  options: {},
  examples: ['image exists debian:12'],
  async run(call) {
    const { images } = await openBackend(call, (engine) => ({ images: engineImages(engine) }))
    try {
      await images.find(call.args[0]!)
      return 0
    } catch (error) {
      if (isFailure(error, 'notFound')) return 1
      throw error
    }
  },
})
