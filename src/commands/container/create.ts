import { createContainer } from '../../engine/create-container.ts'
import { openBackend } from '../backend.ts'
import { defineCommand } from '../command.ts'
import { prepareCreation, writeCidfile } from './create-from-flags.ts'
import { createOptions } from './options/create-options.ts'

export const spec = defineCommand({
  name: 'create',
  summary: 'Make a container without starting it',
  args: [{ name: 'image', arity: 'one', complete: 'image' }, { name: 'command', arity: 'words', complete: 'command' }],
  passThrough: true,
  options: createOptions,
  examples: ['create --name web -p 8080:80 nginx', 'create -it debian bash'],
  async run(call) {
    const { create } = await openBackend(call, (engine) => ({ create: async (given) => createContainer(engine, await prepareCreation(engine, { call: given })) }))
    const id = await create(call)
    writeCidfile(call.options.cidfile, id)
    call.out.line(id)
  },
})
