import { complete } from '../../cli/complete.ts'
import type { CompletionKind } from '../../cli/command.ts'
import { GLOBALS, readGlobals } from '../../cli/globals.ts'
import { ALL } from '../all.ts'
import { openBackend } from '../backend.ts'
import { defineCommand, type Call } from '../command.ts'
import { engineContainers } from '../container/source.ts'
import { SIGNAL_NAMES } from '../../signals.ts'
import { CAPABILITIES } from '../../capabilities.ts'
import { engineImages } from '../image/source.ts'
import { LISTINGS } from '../manual/listings.ts'
import { GROUPS, MOUNTS } from '../table.ts'

export const spec = defineCommand({
  name: '__complete',
  summary: 'Answer the shell',
  hidden: true,
  passThrough: true,
  args: [{ name: 'word', arity: 'words' }],
  options: {},
  async run(call) {
    const { args, out, globals } = call
    for (const [name, value] of readGlobals(args).values) globals.set(name, value)
    const commands = MOUNTS.flatMap(({ file, names }) => (ALL[file] ? [{ names, spec: ALL[file] }] : []))
    const lookUp = async (kind: CompletionKind): Promise<readonly string[]> => {
      // a shell that waits for a name must not see an error in its place
      try { return await namesOf(call, kind) } catch { return [] }
    }
    const answers = await complete(args, { commands, groups: Object.keys(GROUPS), globals: GLOBALS, lookUp })
    out.write(answers.map((answer) => `${answer}\n`).join(''))
  },
})

async function namesOf(call: Call<{}>, kind: CompletionKind): Promise<readonly string[]> {
  const containers = async (phases?: readonly string[]): Promise<string[]> => {
    const { containers: source } = await openBackend(call, (engine) => ({ containers: engineContainers(engine) }))
    return (await source.list()).filter(({ phase }) => phases === undefined || phases.includes(phase)).map(({ name }) => name)
  }
  switch (kind) {
    case 'container': return containers()
    case 'running': return containers(['running', 'paused'])
    case 'stopped': return containers(['created', 'exited'])
    case 'image': return (await (await openBackend(call, (engine) => ({ images: engineImages(engine) }))).images.list()).flatMap(({ names, id }) => (names.length ? names : [id.slice(0, 12)]))
    case 'volume': return (await (await call.engine()).state.volumes.list()).map(({ name }) => name)
    case 'network': return (await (await (await call.engine()).networks()).list()).map(({ name }) => name)
    case 'signal': return SIGNAL_NAMES
    case 'capability': return CAPABILITIES.toSorted()
    case 'containerFilter': return filterKeys('ps')
    case 'imageFilter': return filterKeys('images')
    case 'volumeFilter': return filterKeys('volume ls')
    case 'networkFilter': return filterKeys('network ls')
    case 'podFilter': return filterKeys('pod ps')
    case 'eventFilter': return filterKeys('events')
    default: return []
  }
}

/** `name=`, ...: as the man page of a listing tells them. */
const filterKeys = (listing: string): string[] =>
  LISTINGS[listing]!.filter(({ heading }) => heading === 'FILTERS').flatMap(({ terms }) => terms ?? []).flatMap(([term]) => term.split(', ').map((each) => each.slice(0, each.indexOf('=') + 1)))
