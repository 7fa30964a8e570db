import { portsOf, type Row } from './row.ts'

type Port = NonNullable<Row['status']['ports']>[number]

const range = (first: number, count: number): string => (count > 1 ? `${first}-${first + count - 1}` : String(first))
const host = (ip: string): string => (ip === '' ? '0.0.0.0' : ip.includes(':') ? `[${ip}]` : ip)

const compare = (a: string, b: string): number => Number(a > b) - Number(a < b)

/** The order in which ports are listed. */
export const byProtocol = (ports: readonly Port[]): Port[] =>
  [...ports].sort((a, b) => compare(a.protocol, b.protocol) || compare(a.hostIp, b.hostIp) || a.containerPort - b.containerPort || a.hostPort - b.hostPort)

/** Neighbours joined: `0.0.0.0:2000-2006->2000-2006/tcp, 80/tcp`; what is only exposed comes last. */
export function portsText(row: Pick<Row, 'status' | 'summary'>): string {
  const published = joined(byProtocol(portsOf(row)))
  const covered = new Set(published.flatMap(({ containerPort, count, protocol }) => Array.from({ length: count }, (_, at) => `${containerPort + at}/${protocol}`)))
  return [
    ...published.map(({ hostIp, hostPort, containerPort, protocol, count }) => `${host(hostIp)}:${range(hostPort, count)}->${range(containerPort, count)}/${protocol}`),
    ...row.summary.exposed.filter((port) => !covered.has(port)),
  ].join(', ')
}

function joined(ports: readonly Port[]): Port[] {
  const result: Port[] = []
  for (const port of ports) {
    const last = result.at(-1)
    const follows = last && last.hostIp === port.hostIp && last.protocol === port.protocol
      && last.hostPort + last.count === port.hostPort && last.containerPort + last.count === port.containerPort
    if (follows) result[result.length - 1] = { ...last, count: last.count + port.count }
    else result.push(port)
  }
  return result
}
