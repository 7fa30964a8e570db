import { flag } from '../../cli/option.ts'
import { withContainerTrees } from '../../engine/container-trees.ts'
import { openBackend } from '../backend.ts'
import { defineCommand } from '../command.ts'
import { copyByWords, parseCopyWords } from '../copy-words.ts'
import { engineContainers } from './source.ts'

export const spec = defineCommand({
  name: 'cp',
  summary: 'Copy files out of a container, into one, or between two',
  description: 'Copy files and directories: CONTAINER:PATH is one of a container, whether it runs or not, - a tar archive on standard input or output. DIR/. is what is in a directory.',
  args: [{ name: 'source', arity: 'one', complete: 'file' }, { name: 'target', arity: 'one', complete: 'file' }],
  options: {
    archive: flag('-a, --archive', 'Give what is copied to the user of the container, or of this command; --archive=false: keep owners', true),
    overwrite: flag('--overwrite', 'Let a directory take the place of a file, and the other way round'),
  },
  examples: ['cp web:/etc/nginx/nginx.conf .', 'cp ./site/. web:/srv', 'cp web:/var/log - | tar t'],
  async run(call) {
    const words = parseCopyWords(call.args)
    const { containers, withTrees } = await openBackend(call, (engine) => ({ containers: engineContainers(engine), withTrees: (ids, act) => withContainerTrees(engine, ids, act) }))
    const ids = new Map<string, string>()
    for (const { container } of [words.from, words.to]) if (container !== undefined) ids.set(container, (await containers.find(container)).id)
    await withTrees([...ids.values()], (trees) => copyByWords(words, new Map([...ids].map(([typed, id]) => [typed, trees.get(id)!])), { chown: call.options.archive, overwrite: call.options.overwrite }))
  },
})
