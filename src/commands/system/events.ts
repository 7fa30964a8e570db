import { flag, list, text } from '../../cli/option.ts'
import { isJsonFormat } from '../../cli/report.ts'
import { GoTime, goMap, struct, toPlain } from '../../cli/template/values.ts'
import { parseMoment, parseUntil } from '../../cli/value.ts'
import { events } from '../../engine/follow-events.ts'
import { Failure } from '../../errors.ts'
import { openBackend } from '../backend.ts'
import { defineCommand } from '../command.ts'
import { compileFilters, hasLabel } from '../filter.ts'
import type { Event } from './acts.ts'

export const spec = defineCommand({
  name: 'events',
  summary: 'Show what happens to containers, images, volumes and networks',
  options: {
    filter: list('-f, --filter <filter>', 'Show those that match: container, event, image, network, pod, volume, type, label', { complete: 'eventFilter' }),
    format: text('--format <template>', 'json, or a Go template'),
    noTrunc: flag('--no-trunc', 'Show ids in full', true),
    since: text('--since <time>', 'From this time on: a time, or 10m'),
    stream: flag('--stream', 'Go on with new events', true),
    until: text('--until <time>', 'Up to this time'),
  },
  examples: ['events --since 1h --stream=false', 'events --filter event=died --format "{{.Name}} {{.ContainerExitCode}}"'],
  async run(call) {
    const { options, out, interrupt } = call
    const [sinceMs, untilMs] = [moment('--since', options.since), moment('--until', options.until)]
    const matches = eventFilter(options.filter)
    const show = await renderer(options.format, !options.noTrunc)
    const range = { ...(sinceMs === undefined ? untilMs === undefined ? {} : { sinceMs: 0 } : { sinceMs }), ...(untilMs === undefined ? {} : { untilMs }) }
    const { events: source } = await openBackend(call, (engine) => ({ events: (how) => events(engine, how) }))
    for await (const event of source({ ...range, follow: options.stream, signal: interrupt.signal })) if (matches(event)) out.write(show(event))
  },
})

function moment(flagName: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  try {
    return flagName === '--until' ? parseUntil(value) : parseMoment(value)
  } catch (error) {
    throw new Failure('invalid', `invalid value "${value}" for ${flagName}: ${(error as Error).message}`)
  }
}

const eventFilter = (texts: readonly string[]): ((event: Event) => boolean) => {
  const named = (type: string) => (event: Event, value: string): boolean => event.type === type && (event.name === value || event.id.startsWith(value))
  return compileFilters<Event>(texts, {
    matches: {
      container: named('container'), image: (event, value) => (event.type === 'image' ? event.name === value || event.id.startsWith(value) : event.image === value),
      pod: named('pod'), volume: named('volume'), network: named('network'), event: (event, value) => event.status === value, status: (event, value) => event.status === value,
      type: (event, value) => event.type === value, label: (event, value) => hasLabel(event.attributes, value),
    },
  })
}

const INTERNAL = new Set(['containerExitCode', 'oomKilled', 'signal'])

async function renderer(format: string | undefined, truncate: boolean): Promise<(event: Event) => string> {
  if (format === undefined) return (event) => `${line(event, truncate)}\n`
  if (isJsonFormat(format)) return (event) => `${JSON.stringify(toPlain(json(event)))}\n`
  const { compileTemplate } = await import('../../cli/template/template.ts')
  const render = compileTemplate('events', format.replace(/^table\s+/, '').replaceAll('\\t', '\t').replaceAll('\\n', '\n'))
  return (event) => `${render(view(event))}\n`
}

const attributesOf = ({ attributes }: Event): [string, string][] => Object.entries(attributes).filter(([name]) => !INTERNAL.has(name)).sort(([a], [b]) => Number(a > b) - Number(a < b))

function line(event: Event, truncate: boolean): string {
  const time = GoTime.fromMs(event.timeMs)
  const id = truncate ? event.id.slice(0, 12) : event.id
  const head = `${time} ${event.type} ${event.status}`
  if (event.type === 'network') return `${head} ${id} (${assigned(attributesOf(event))})`
  if (event.type !== 'container' && event.type !== 'pod') return `${head} ${event.type === 'image' ? `${id} ` : ''}${event.name}`
  const details = [...(event.image === '' ? [] : [`image=${event.image}`]), `name=${event.name}`, assigned(attributesOf(event))].filter(Boolean)
  return `${head} ${id} (${details.join(', ')})`
}

const assigned = (pairs: readonly [string, string][]): string => pairs.map(([name, value]) => `${name}=${value}`).join(', ')

const view = (event: Event) => struct('events.Event', {
  ID: event.id, Name: event.name, Image: event.image, Status: event.status, Time: GoTime.fromMs(event.timeMs), Type: event.type, Attributes: goMap(attributesOf(event)),
  ContainerExitCode: Number(event.attributes['containerExitCode'] ?? 0), HealthStatus: '', Network: event.type === 'network' ? event.name : '', Details: struct('events.Details', { Attributes: goMap(attributesOf(event)) }),
})

const json = (event: Event): Record<string, unknown> => ({
  ...(event.attributes['containerExitCode'] === undefined ? {} : { ContainerExitCode: Number(event.attributes['containerExitCode']) }),
  ID: event.id, ...(event.image === '' ? {} : { Image: event.image }), Name: event.name, Status: event.status, Time: GoTime.fromMs(event.timeMs), Type: event.type, Attributes: goMap(attributesOf(event)),
})
