import { complete } from '../../cli/complete.ts'
import type { CompletionKind } from '../../cli/command.ts'
import { GLOBALS, readGlobals } from '../../cli/globals.ts'
import type { Engine } from '../../engine/engine.ts'
import { listContainers } from '../../engine/list-containers.ts'
import { ALL } from '../all.ts'
import { defineCommand } from '../command.ts'
import { SIGNAL_NAMES } from '../container/signal.ts'
import { CAPABILITIES } from '../container/request/security.ts'
import { GROUPS, MOUNTS } from '../table.ts'

export const spec = defineCommand({
  name: '__complete',
  summary: 'Answer the shell',
  hidden: true,
  passThrough: true,
  args: [{ name: 'word', arity: 'words' }],
  options: {},
  async run({ args, out, engine, globals }) {
    for (const [name, value] of readGlobals(args).values) globals.set(name, value)
    const commands = MOUNTS.flatMap(({ file, names }) => (ALL[file] ? [{ names, spec: ALL[file] }] : []))
    const lookUp = async (kind: CompletionKind): Promise<readonly string[]> => {
      // a shell that waits for a name must not see an error in its place
      try { return await namesOf(await engine(), kind) } catch { return [] }
    }
    const answers = await complete(args, { commands, groups: Object.keys(GROUPS), globals: GLOBALS, lookUp })
    out.write(answers.map((answer) => `${answer}\n`).join(''))
  },
})

async function namesOf(engine: Engine, kind: CompletionKind): Promise<readonly string[]> {
  switch (kind) {
    case 'container': return (await listContainers(engine)).map(({ name }) => name)
    case 'running': return (await listContainers(engine)).filter(({ phase }) => phase === 'running' || phase === 'paused').map(({ name }) => name)
    case 'stopped': return (await listContainers(engine)).filter(({ phase }) => phase === 'created' || phase === 'exited').map(({ name }) => name)
    case 'image': return (await engine.state.images.list()).flatMap(({ names, id }) => (names.length ? names : [id.slice(0, 12)]))
    case 'volume': return (await engine.state.volumes.list()).map(({ name }) => name)
    case 'network': return (await (await engine.networks()).list()).map(({ name }) => name)
    case 'signal': return SIGNAL_NAMES
    case 'capability': return CAPABILITIES
    default: return []
  }
}
