import { flag } from '../../cli/option.ts'
import { writeAll } from '../../cli/output.ts'
import { copyFiles, receiveFiles, sendFiles } from '../../engine/copy-files.ts'
import { Failure } from '../../errors.ts'
import { defineCri, openCri } from './command.ts'

const STREAM = '-'
const END_OF_ARCHIVE = Buffer.alloc(1024)

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
    const { openPlace, parseCopyWord } = await import('../../cri/client/copy.ts')
    const [source, target] = args as [string, string]
    const [from, to] = [parseCopyWord(source), parseCopyWord(target)]
    if (from.container === undefined && to.container === undefined) throw new Failure('invalid', 'neither the source nor the target is in a container', { hint: 'give CONTAINER:PATH for one of them' })
    const { runtime } = await openCri(call)
    const manner = { signal: interrupt.signal, execOnly: options.exec }
    const how = { chown: options.archive, overwrite: options.overwrite }
    if (target === STREAM) {
      for await (const chunk of await sendFiles(await openPlace(runtime, from, manner))) writeAll(1, chunk)
      return writeAll(1, END_OF_ARCHIVE)
    }
    if (source === STREAM) return receiveFiles(await openPlace(runtime, to, manner), process.stdin, { ...how, chown: options.archive })
    await copyFiles(await openPlace(runtime, from, manner), await openPlace(runtime, to, manner), how)
  },
})
