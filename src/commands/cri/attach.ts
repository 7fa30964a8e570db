import { flag } from '../../cli/option.ts'
import { defineCri, openCri } from './command.ts'
import { tlsOptions, transport } from './options.ts'
import { joinStreams, needTerminal } from './streams.ts'

export const spec = defineCri({
  name: 'attach',
  summary: 'Join a running container',
  args: [{ name: 'container', arity: 'one' }],
  options: {
    stdin: flag('-i, --stdin', 'Pass on standard input'),
    transport,
    tty: flag('-t, --tty', 'The container has a terminal'),
    ...tlsOptions,
  },
  async run(call) {
    const { options, interrupt } = call
    needTerminal(options.stdin, options.tty)
    const [{ RuntimeServiceService: Runtime, AttachRequest }, { runtime }] = await Promise.all([import('../../cri/wire/generated/runtime-v1.ts'), openCri(call)])
    const { url } = await runtime.call(Runtime.attach, AttachRequest.fromPartial({ containerId: call.args[0]!, stdin: options.stdin, tty: options.tty, stdout: true, stderr: !options.tty }))
    return joinStreams({ url, transport: options.transport, tls: options, stdin: options.stdin, tty: options.tty, interrupt })
  },
})
