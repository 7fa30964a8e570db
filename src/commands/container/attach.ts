import { flag, text } from '../../cli/option.ts'
import { attachContainer } from '../../engine/attach-container.ts'
import type { Engine } from '../../engine/engine.ts'
import { UNREAD_EXIT } from '../../engine/run-container.ts'
import { killContainer } from '../../engine/kill-container.ts'
import { waitForExit } from '../../engine/wait-container.ts'
import { openBackend } from '../backend.ts'
import { defineCommand } from '../command.ts'
import type { AttachManner } from './acts.ts'
import { readSignal } from './signal.ts'
import { selectOne, selectOptions } from './select.ts'
import { engineContainers } from './source.ts'
import { connectStreams, proxySignals } from './terminal.ts'

export const spec = defineCommand({
  name: 'attach',
  summary: 'Attach to a running container',
  args: [{ name: 'container', arity: 'one', complete: 'running' }],
  argsOptionalWith: ['latest'],
  options: {
    detachKeys: text('--detach-keys <sequence>', 'Keys that leave the container running'),
    latest: selectOptions.latest,
    noStdin: flag('--no-stdin', 'Do not pass on standard input'),
    sigProxy: flag('--sig-proxy', 'Pass signals on to the container', true),
  },
  examples: ['attach web', 'attach --no-stdin web'],
  async run(call) {
    const { args, options, interrupt } = call
    const { containers, attach } = await openBackend(call, (engine) => ({ containers: engineContainers(engine), attach: (id, how) => attachHere(engine, id, how) }))
    const { id } = await selectOne(containers, { args, latest: options.latest })
    return attach(id, { stdin: !options.noStdin, detachKeys: options.detachKeys, sigProxy: options.sigProxy, interrupt })
  },
})

async function attachHere(engine: Engine, id: string, { stdin, detachKeys, sigProxy, interrupt }: AttachManner): Promise<number> {
  const { record, status } = await engine.state.containers.find(id)
  const { io, restore } = connectStreams({
    stdin: stdin && record.request.stdin, terminal: record.request.terminal, detachKeys: detachKeys ?? engine.config.engine.detachKeys, interrupt,
  })
  const release = sigProxy ? proxySignals(interrupt, (signal) => killContainer(engine, id, readSignal(signal, 'signal'))) : undefined
  try {
    const end = await attachContainer(engine, id, io)
    interrupt.signal.throwIfAborted()
    if (end !== 'ended') return end === 'detached' ? 0 : UNREAD_EXIT
    return (await waitForExit(engine, { id, status }))?.exitCode ?? 0
  } finally {
    release?.()
    restore()
  }
}
