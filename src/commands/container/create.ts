import { createContainer } from '../../engine/create-container.ts'
import type { Engine } from '../../engine/engine.ts'
import { openBackend } from '../backend.ts'
import { defineCommand } from '../command.ts'
import type { CreateCall } from './acts.ts'
import { prepareCreation } from './create-from-flags.ts'
import { openIdFile } from './id-file.ts'
import { createOptions } from './options/create-options.ts'

export const spec = defineCommand({
  name: 'create',
  summary: 'Make a container without starting it',
  args: [{ name: 'image', arity: 'one', complete: 'image' }, { name: 'command', arity: 'words', complete: 'command' }],
  passThrough: true,
  options: createOptions,
  examples: ['create --name web -p 8080:80 nginx', 'create -it debian bash'],
  async run(call) {
    const { create } = await openBackend(call, (engine) => ({ create: (given) => createHere(engine, given) }))
    call.out.line(await create(call))
  },
})

async function createHere(engine: Engine, call: CreateCall): Promise<string> {
  using idFile = openIdFile(call.options.cidfile)
  const id = await createContainer(engine, await prepareCreation(engine, { call }))
  idFile.write(id)
  return id
}
