import type { Engine } from '../../engine/engine.ts'
import { pullAllTags, pullImage } from '../../engine/pull-image.ts'
import { Failure } from '../../errors.ts'
import { withPassword } from '../ask-password.ts'
import { openBackend } from '../backend.ts'
import { defineCommand } from '../command.ts'
import { codeOf, forEach } from '../each.ts'
import { parsePullPolicy } from '../container/request/settings.ts'
import type { PullCall } from './acts.ts'
import { chooseImage } from './choose-image.ts'
import { platformText } from './platform-text.ts'
import { pullOptions, toAccess } from './pull-options.ts'
import { showPull } from './show-pull.ts'

export const spec = defineCommand({
  name: 'pull',
  summary: 'Pull images from a registry',
  args: [{ name: 'image', arity: 'some', complete: 'image' }],
  options: pullOptions,
  examples: ['pull debian:12', 'pull --platform linux/arm64 busybox', 'pull -q localhost:5000/web:1'],
  async run(call) {
    const { args, options, out, interrupt } = call
    parsePullPolicy(options.policy, 'always', '--policy')
    platformText(options)
    if (options.allTags && args.some((name) => /:[^/]+$|@/.test(name))) throw new Failure('invalid', '--all-tags needs a name without tag and digest')
    const { pull } = await openBackend(call, (engine) => ({ pull: (reference, given) => pullHere(engine, reference, given) }))
    const whole = { ...call, options: { ...options, creds: await withPassword(options.creds) } }
    return codeOf(await forEach({ items: args, out, signal: interrupt.signal, act: async (reference) => { for (const id of await pull(reference, whole)) out.line(id) } }))
  },
})

async function pullHere(engine: Engine, reference: string, { options, given, out, interrupt }: PullCall): Promise<string[]> {
  const policy = parsePullPolicy(options.policy, 'always', '--policy')
  const platform = platformText(options)
  const shown = showPull(out, options.quiet)
  const request = {
    reference, policy, access: toAccess(options, given), signal: interrupt.signal, ...chooseImage,
    ...(platform === undefined ? {} : { platform }), ...(shown.onProgress ? { onProgress: shown.onProgress } : {}),
  }
  try {
    return (options.allTags ? await pullAllTags(engine, request) : [await pullImage(engine, request)]).map(({ id }) => id)
  } finally {
    shown.end()
  }
}
