import { flag, text } from '../../cli/option.ts'
import type { Engine } from '../../engine/engine.ts'
import { killContainer } from '../../engine/kill-container.ts'
import { UNREAD_EXIT, startAttached } from '../../engine/run-container.ts'
import { findLasting } from '../../engine/finish-ended.ts'
import { startContainer } from '../../engine/start-container.ts'
import { waitForExit } from '../../engine/wait-container.ts'
import { Failure, isFailure } from '../../errors.ts'
import { openBackend } from '../backend.ts'
import { defineCommand } from '../command.ts'
import type { AttachManner } from './acts.ts'
import { codeOf, forEach } from '../each.ts'
import { needOwn, SELECTING, selectContainers, selectOptions, settledContainers, unlessGone, type Chosen } from './select.ts'
import { readSignal } from './signal.ts'
import { connectStreams, proxySignals } from './terminal.ts'

const options = {
  all: flag('--all', 'Start every container that does not run'),
  latest: selectOptions.latest,
  filter: selectOptions.filter,
  attach: flag('-a, --attach', 'Attach to it, and end with its exit code'),
  interactive: flag('-i, --interactive', 'Pass on standard input'),
  detachKeys: text('--detach-keys <sequence>', 'Keys that leave the container running'),
  sigProxy: flag('--sig-proxy', 'With --attach: pass signals on', true),
}

export const spec = defineCommand({
  name: 'start',
  summary: 'Start containers',
  args: [{ name: 'container', arity: 'some', complete: 'stopped' }],
  argsOptionalWith: SELECTING,
  options,
  examples: ['start web', 'start -ai web'],
  async run(call) {
    const { args, options: values, out, interrupt } = call
    const { containers, start, startAttached } = await openBackend(call, (engine) => ({
      containers: { ...settledContainers(engine), find: (name) => findLasting(engine, name) }, start: (id) => startHere(engine, id), startAttached: (id, how) => startAttachedHere(engine, id, how),
    }))
    const { chosen, errors } = await selectContainers(containers, { args, ...values, eligible: ({ phase }) => phase === 'created' || phase === 'exited' }, out)
    const ownOnly = (one: Chosen): void => needOwn(containers, one, 'it makes another in its place')
    if (values.attach || values.interactive) {
      chosen.forEach(ownOnly)
      if (chosen.length + errors.length > 1) throw new Failure('invalid', 'only one container at once can be attached to')
      return chosen[0] ? startAttached(chosen[0].id, { stdin: values.interactive, detachKeys: values.detachKeys, sigProxy: values.sigProxy, interrupt }) : codeOf(errors)
    }
    const failed = await forEach({ items: chosen, out, act: unlessGone({ args, ...values }, async (one) => { ownOnly(one); await start(one.id); return one.typed }) })
    return codeOf([...errors, ...failed])
  },
})

async function startHere(engine: Engine, id: string): Promise<void> {
  try {
    await startContainer(engine, id)
  } catch (error) {
    // one that runs already is as it should be
    if (!isFailure(error, 'wrongState') || !/already running/.test(error.message)) throw error
  }
}

async function startAttachedHere(engine: Engine, id: string, { stdin, detachKeys, sigProxy, interrupt }: AttachManner): Promise<number> {
  const { record } = await engine.state.containers.find(id)
  const { io, restore } = connectStreams({
    stdin: stdin && record.request.stdin, terminal: record.request.terminal, detachKeys: detachKeys ?? engine.config.engine.detachKeys, interrupt,
  })
  const release = sigProxy ? proxySignals(interrupt, (signal) => killContainer(engine, id, readSignal(signal, 'signal'))) : undefined
  try {
    const end = await startAttached(engine, { id, io, attended: false })
    interrupt.signal.throwIfAborted()
    if (end !== 'ended') return end === 'detached' ? 0 : UNREAD_EXIT
    const container = await engine.state.containers.get(id)
    return (container && (await waitForExit(engine, container))?.exitCode) ?? 0
  } finally {
    release?.()
    restore()
  }
}
