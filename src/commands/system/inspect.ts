import { flag, oneOf, text } from '../../cli/option.ts'
import type { Engine } from '../../engine/engine.ts'
import { Failure, isFailure } from '../../errors.ts'
import { defineCommand } from '../command.ts'
import { selectOne, selectOptions } from '../container/select.ts'
import { showInspected } from '../show-inspected.ts'

const TYPES = ['all', 'container', 'image', 'network', 'pod', 'volume'] as const
type Type = (typeof TYPES)[number]

export const spec = defineCommand({
  name: 'inspect',
  summary: 'Show all about containers, images, networks or volumes',
  args: [{ name: 'name', arity: 'some', complete: 'container' }],
  argsOptionalWith: ['latest'],
  options: {
    format: text('-f, --format <template>', 'json, or a Go template'),
    latest: selectOptions.latest,
    size: flag('-s, --size', 'Show sizes of containers too'),
    type: oneOf('-t, --type <type>', 'Look for this kind only', TYPES),
  },
  examples: ['inspect web', 'inspect -f "{{.NetworkSettings.IPAddress}}" web', 'inspect --type image debian:12'],
  async run({ args, options, out, engine: open }) {
    const type = options.type ?? 'all'
    if (type === 'pod') throw new Failure('unsupported', '--type pod is not supported yet: pods come to the command line later')
    if (options.latest && args.length > 0) throw new Failure('invalid', '--latest and names exclude each other')
    const engine = await open()
    const names = options.latest ? [(await selectOne(engine, { args, latest: true })).id] : args
    return showInspected({ names, format: options.format, out, look: (name) => look(engine, name, { type, size: options.size }) })
  },
})

async function look(engine: Engine, name: string, { type, size }: { type: Type; size: boolean }): Promise<unknown> {
  const ways: [Type, () => Promise<unknown>][] = [
    ['container', async () => (await import('../container/inspect-view.ts')).inspectContainer(engine, name, { size })],
    ['image', async () => (await import('../image/inspect-view.ts')).inspectImage(engine, name)],
    ['volume', async () => (await import('../volume/volume-view.ts')).volumeView(await engine.state.volumes.find(name), 0)],
    ['network', async () => (await import('../network/network-view.ts')).networkView(await (await engine.networks()).get(name))],
  ]
  for (const [kind, way] of ways) {
    if (type !== 'all' && type !== kind) continue
    try {
      return await way()
    } catch (error) {
      // a name that no image can have is no image
      if (type !== 'all' || (!isFailure(error, 'notFound') && !(kind === 'image' && isFailure(error, 'invalid')))) throw error
    }
  }
  throw new Failure('notFound', `no such object: "${name}"`)
}
