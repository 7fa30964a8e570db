import { flag, oneOf, text } from '../../cli/option.ts'
import type { Engine } from '../../engine/engine.ts'
import { Failure, isFailure } from '../../errors.ts'
import { endpointOf, openBackend } from '../backend.ts'
import { defineCommand } from '../command.ts'
import { selectOne, selectOptions } from '../container/select.ts'
import { engineContainers } from '../container/source.ts'
import { showInspected } from '../show-inspected.ts'
import type { Inspect, Inspectable } from './acts.ts'

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
  async run(call) {
    const { args, options, out } = call
    const type = options.type ?? 'all'
    if (options.latest && args.length > 0) throw new Failure('invalid', '--latest and names exclude each other')
    if (options.size && type !== 'all' && type !== 'container') throw new Failure('invalid', `--size is of containers, not of type ${type}`)
    const { containers, inspect } = await openBackend(call, (engine) => ({ containers: engineContainers(engine), inspect: waysHere(engine) }))
    if (type !== 'all' && !inspect.has(type)) throw new Failure('unsupported', `--type ${type} ${endpointOf(call) === undefined ? 'is not supported yet: pods come to the command line later' : 'cannot be inspected over the CRI (--endpoint): it knows containers, images and pods'}`)
    const names = options.latest ? [(await selectOne(containers, { args, latest: true })).id] : args
    return showInspected({ names, format: options.format, out, look: (name) => look(inspect, name, { type, size: options.size }) })
  },
})

const waysHere = (engine: Engine): Map<Inspectable, Inspect> => new Map<Inspectable, Inspect>([
  ['container', async (name, how) => (await import('../container/inspect-container.ts')).inspectContainer(engine, name, how)],
  ['image', async (name) => (await import('../image/inspect-image.ts')).inspectImage(engine, name)],
  ['volume', async (name) => (await import('../volume/volume-view.ts')).volumeView(await engine.state.volumes.find(name), 0)],
  ['network', async (name) => (await import('../network/network-view.ts')).networkView(await (await engine.networks()).get(name))],
])

async function look(ways: ReadonlyMap<Inspectable, Inspect>, name: string, { type, size }: { type: Type; size: boolean }): Promise<unknown> {
  for (const [kind, way] of ways) {
    if (type !== 'all' && type !== kind) continue
    try {
      return await way(name, { size })
    } catch (error) {
      // a name that no image can have is no image
      if (type !== 'all' || (!isFailure(error, 'notFound') && !(kind === 'image' && isFailure(error, 'invalid')))) throw error
    }
  }
  throw new Failure('notFound', `no such object: "${name}"`)
}
