import { Failure } from '../../errors.ts'
import { openBackend } from '../backend.ts'
import { defineCommand } from '../command.ts'
import { selectOne, selectOptions } from './select.ts'
import { portsOf, type Row } from './row.ts'
import { engineContainers } from './source.ts'

export const spec = defineCommand({
  name: 'port',
  summary: 'List the published ports of a container',
  args: [{ name: 'container', arity: 'one', complete: 'running' }, { name: 'port', arity: 'optional' }],
  argsOptionalWith: ['all', 'latest'],
  options: { all: selectOptions.all, latest: selectOptions.latest },
  examples: ['port web', 'port web 80/tcp'],
  async run(call) {
    const { args, options, out } = call
    const { containers } = await openBackend(call, (engine) => ({ containers: engineContainers(engine) }))
    const rows = await containers.list()
    if (options.all) {
      for (const row of rows) for (const line of lines(row)) out.line(`${row.id.slice(0, 12)}\t${line.text}`)
      return
    }
    const { id } = await selectOne(containers, { args, latest: options.latest })
    const wanted = options.latest ? args[0] : args[1]
    const all = lines(rows.find((row) => row.id === id)!)
    if (wanted === undefined) return all.forEach(({ text }) => out.line(text))
    const port = wanted.includes('/') ? wanted : `${wanted}/tcp`
    if (!/^\d+\/(tcp|udp|sctp)$/.test(port)) throw new Failure('invalid', `invalid port "${wanted}"`, { hint: 'use PORT[/PROTOCOL] such as 80/tcp' })
    const found = all.filter(({ inside }) => inside === port)
    if (found.length === 0) throw new Failure('notFound', `container ${args[0] ?? id.slice(0, 12)} does not publish port ${port}`, { hint: 'scow port without a port lists what it publishes' })
    for (const { host } of found) out.line(host)
  },
})

/** Of one that does not run no port leads anywhere. */
const lines = (row: Row): { inside: string; host: string; text: string }[] =>
  (row.phase === 'running' || row.phase === 'paused' ? portsOf(row) : []).flatMap(({ hostIp, hostPort, containerPort, protocol, count }) => Array.from({ length: count }, (_, at) => {
    const inside = `${containerPort + at}/${protocol}`
    const host = `${hostIp === '' ? '0.0.0.0' : hostIp.includes(':') ? `[${hostIp}]` : hostIp}:${hostPort + at}`
    return { inside, host, text: `${inside} -> ${host}` }
  }))
