import { flag } from '../../cli/option.ts'
import type { CopyEnd } from '../../engine/copy-files.ts'
import { copyByWords, parseCopyWords } from '../copy-words.ts'
import { defineCri, openCri } from './command.ts'

export const spec = defineCri({
  name: 'cp',
  summary: 'Copy files out of a container, into one, or between two',
  description: 'Copy files and directories: CONTAINER:PATH is one of a container, - a tar archive on standard input or output. On the node itself they are reached directly, elsewhere through the tar of the container.',
  args: [{ name: 'source', arity: 'one', complete: 'file' }, { name: 'target', arity: 'one', complete: 'file' }],
  options: {
    archive: flag('-a, --archive', 'Give what is copied to the user of the container, or of this command; --archive=false: keep owners', true),
    exec: flag('--exec', 'Use the tar of the container even on the node itself'),
    overwrite: flag('--overwrite', 'Let a directory take the place of a file, and the other way round'),
  },
  examples: ['cri cp 1f73f2d81bf98:/etc/nginx/nginx.conf .', 'cri cp ./site/. web:/srv', 'cri cp web:/var/log - | tar t'],
  async run(call) {
    const { args, options, interrupt } = call
    const words = parseCopyWords(args)
    const [{ openContainer }, { runtime }] = await Promise.all([import('../../cri/client/copy.ts'), openCri(call)])
    const ends = new Map<string, CopyEnd>()
    for (const { container } of [words.from, words.to]) {
      if (container !== undefined) ends.set(container, await openContainer(runtime, container, { signal: interrupt.signal, execOnly: options.exec }))
    }
    await copyByWords(words, ends, { chown: options.archive, overwrite: options.overwrite })
  },
})
