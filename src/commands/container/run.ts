import type { Engine } from '../../engine/engine.ts'
import { killContainer } from '../../engine/kill-container.ts'
import { runContainer } from '../../engine/run-container.ts'
import { Failure } from '../../errors.ts'
import { log } from '../../log.ts'
import { openBackend } from '../backend.ts'
import { defineCommand } from '../command.ts'
import type { RunCall } from './acts.ts'
import { attachedStreams } from './attached-streams.ts'
import { prepareCreation } from './create-from-flags.ts'
import { openIdFile } from './id-file.ts'
import { createOptions } from './options/create-options.ts'
import { runOnlyOptions } from './options/later-options.ts'
import { descriptors } from './preserve-fds.ts'
import { readSignal } from './signal.ts'
import { connectStreams, parseDetachKeys, proxySignals } from './terminal.ts'

const options = { ...createOptions, ...runOnlyOptions }

export const spec = defineCommand({
  name: 'run',
  summary: 'Make a container and start it',
  description: 'Make a container of an image and run a command in it. The image is pulled when it is not here.',
  args: [{ name: 'image', arity: 'one', complete: 'image' }, { name: 'command', arity: 'words', complete: 'command' }],
  passThrough: true,
  options,
  examples: ['run --rm -it debian bash', 'run -d --name web -p 8080:80 nginx', 'run --rm -v ./data:/data:ro busybox ls /data'],
  async run(call) {
    checkCombinations(call)
    return (await openBackend(call, (engine) => ({ run: (given) => runHere(engine, given) }))).run(call)
  },
})

async function runHere(engine: Engine, call: RunCall): Promise<number> {
  using idFile = openIdFile(call.options.cidfile)
  const creation = await prepareCreation(engine, { call, preserveFds: descriptors(call.options), removeImage: call.options.rmi })
  const onCreated = idFile.write
  if (!call.options.detach) return await foreground(call, engine, { ...creation, onCreated })
  const { id } = await runContainer(engine, { ...creation, onCreated })
  if (creation.request.log.driver !== 'passthrough') call.out.line(id) // standard output is the container's
  return 0
}

function checkCombinations({ options: values }: RunCall): void {
  if (values.detach && values.attach.length > 0) throw new Failure('invalid', '--detach and --attach exclude each other', { hint: 'drop one of them' })
  for (const stream of values.attach) {
    if (!/^(stdin|stdout|stderr)$/i.test(stream)) throw new Failure('invalid', `invalid value "${stream}" for --attach: expected stdin, stdout or stderr`)
  }
  parseDetachKeys(values.detachKeys ?? '')
}

async function foreground(call: RunCall, engine: Engine, creation: Parameters<typeof runContainer>[1]): Promise<number> {
  const { options: values, interrupt } = call
  if (values.tty && values.interactive && !process.stdin.isTTY) log.warn('standard input is not a terminal: --tty and --interactive together may not do what you mean')
  const { attaches, isSilent } = attachedStreams(values.attach)
  const { io, restore } = connectStreams({
    stdin: values.interactive && attaches('stdin'), stdout: attaches('stdout'), stderr: attaches('stderr'), terminal: values.tty,
    detachKeys: values.detachKeys ?? engine.config.engine.detachKeys, interrupt,
  })
  let release: (() => void) | undefined
  const onCreated = (id: string): void => {
    creation.onCreated?.(id)
    if (values.sigProxy) release = proxySignals(interrupt, (signal) => killContainer(engine, id, readSignal(signal, 'signal')))
  }
  try {
    const { exitCode } = await runContainer(engine, { ...creation, io, onCreated, ...(isSilent ? { onStarted: call.out.line } : {}) })
    if (exitCode === undefined) interrupt.signal.throwIfAborted() // it runs on, but the user has not left by the keys
    return exitCode ?? 0
  } finally {
    release?.()
    restore()
  }
}
