import { defineCri, openCri } from './command.ts'
import { tlsOptions, transport } from './options.ts'

export const spec = defineCri({
  name: 'port-forward',
  summary: 'Reach ports of a pod through ports of this machine',
  args: [{ name: 'pod', arity: 'one' }, { name: 'port', arity: 'some' }],
  options: { transport, ...tlsOptions },
  examples: ['cri port-forward 1f73f2d81bf98 8080:80'],
  async run(call) {
    const { args, options, interrupt, out } = call
    const [podSandboxId, ...ports] = args as [string, ...string[]]
    const [{ forwardPorts, parsePortPair }, { RuntimeServiceService: Runtime, PortForwardRequest }] = await Promise.all([import('../../cri/client/port-forward.ts'), import('../../cri/wire/generated/runtime-v1.ts')])
    const pairs = ports.map(parsePortPair)
    const { runtime } = await openCri(call)
    const urlFor = async (port: readonly number[]): Promise<string> => (await runtime.call(Runtime.portForward, PortForwardRequest.fromPartial({ podSandboxId, port: [...port] }))).url
    const tls = { serverName: options.tlsServerName, ca: options.tlsCa, cert: options.tlsCert, key: options.tlsKey }
    await forwardPorts({ urlFor, transport: options.transport ?? 'spdy', pairs, tls, signal: interrupt.signal, note: out.line, complain: out.note })
  },
})
