// Figures of the server itself for Prometheus: plain HTTP on an address that has to be asked for.
import { readdirSync } from 'node:fs'
import { createServer } from 'node:http'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { listPods } from '../../../engine/find-pod.ts'
import { Failure } from '../../../errors.ts'
import { log } from '../../../log.ts'
import { ContainerState, PodSandboxState } from '../../wire/generated/runtime-v1.ts'
import { stateOf } from '../convert/container-status.ts'
import { podStateOf } from '../convert/pod-status.ts'
import type { Server } from '../server.ts'
import { EXPOSITION_TYPE, exposition, type Family } from './exposition.ts'

export interface MetricsServer { close(): void }

const NS = 1e9
type IntervalHistogram = ReturnType<typeof monitorEventLoopDelay>

/** Answers `GET /metrics`. `address`: `HOST:PORT`, `:PORT` for every address. @throws invalid, unavailable */
export async function openMetrics(server: Server, address: string): Promise<MetricsServer> {
  const { host, port } = parse(address)
  const delay = monitorEventLoopDelay({ resolution: 10 })
  delay.enable()
  const http = createServer((request, response) => {
    if (request.method !== 'GET' || request.url?.split('?')[0] !== '/metrics') return void response.writeHead(404, { 'content-type': 'text/plain' }).end('only GET /metrics\n')
    gather(server, delay).then(
      (text) => response.writeHead(200, { 'content-type': EXPOSITION_TYPE }).end(text),
      (error: unknown) => {
        log.warn(`metrics: ${error instanceof Error ? error.message : error}`)
        response.writeHead(500, { 'content-type': 'text/plain' }).end('the figures could not be gathered\n')
      },
    )
  })
  await new Promise<void>((resolve, reject) => http.once('error', (error) =>
    reject(new Failure('unavailable', `cannot listen on ${address} for metrics: ${error.message}`, { cause: error }))).listen(port, host, () => resolve()))
  const { port: chosen } = http.address() as { port: number }
  log.info(`metrics at http://${host === undefined ? '[::]' : host.includes(':') ? `[${host}]` : host}:${chosen}/metrics`)
  return {
    close: () => {
      delay.disable()
      http.close()
      http.closeAllConnections()
    },
  }
}

function parse(address: string): { host: string | undefined; port: number } {
  const [, host, port] = /^(\[[0-9a-fA-F:]+\]|[^:[\]]*):(\d{1,5})$/.exec(address) ?? []
  if (port === undefined || Number(port) > 65_535) throw new Failure('invalid', `"${address}" is no address for metrics`, { hint: 'give HOST:PORT, for example 127.0.0.1:9110' })
  return { host: host === '' ? undefined : host!.replace(/^\[|\]$/g, ''), port: Number(port) }
}

const gather = async (server: Server, delay: IntervalHistogram): Promise<string> =>
  exposition([...server.metrics!.families(), ...await objects(server), ...ofProcess(), eventLoop(delay)])

const CONTAINER_STATES = { created: ContainerState.CONTAINER_CREATED, running: ContainerState.CONTAINER_RUNNING, exited: ContainerState.CONTAINER_EXITED, unknown: ContainerState.CONTAINER_UNKNOWN }

async function objects(server: Server): Promise<Family[]> {
  const views = await listPods(server.engine)
  const ready = views.filter((view) => podStateOf(view) === PodSandboxState.SANDBOX_READY).length
  const states = views.flatMap(({ containers }) => containers).map(stateOf)
  return [
    { name: 'scow_pods', help: 'Pods by state.', type: 'gauge', samples: [{ labels: { state: 'ready' }, value: ready }, { labels: { state: 'notready' }, value: views.length - ready }] },
    { name: 'scow_containers', help: 'Containers of pods by state.', type: 'gauge', samples: Object.entries(CONTAINER_STATES).map(([state, value]) => ({ labels: { state }, value: states.filter((each) => each === value).length })) },
    { name: 'scow_build_info', help: 'Version of this server.', type: 'gauge', samples: [{ labels: { version: server.version }, value: 1 }] },
  ]
}

/** Named as every client library names them. */
function ofProcess(): Family[] {
  const { user, system } = process.cpuUsage()
  const { rss, heapUsed, external } = process.memoryUsage()
  const one = (name: string, help: string, value: number): Family => ({ name, help, type: 'gauge', samples: [{ value }] })
  return [
    { name: 'process_cpu_seconds_total', help: 'User and system time of the process.', type: 'counter', samples: [{ value: (user + system) / 1e6 }] },
    one('process_resident_memory_bytes', 'Resident memory of the process.', rss),
    one('process_start_time_seconds', 'When the process began, in seconds since 1970.', Date.now() / 1000 - process.uptime()),
    one('process_open_fds', 'Open file descriptors.', readdirSync('/proc/self/fd').length),
    one('nodejs_heap_size_used_bytes', 'Memory of the heap in use.', heapUsed),
    one('nodejs_external_memory_bytes', 'Memory of buffers outside the heap.', external),
  ]
}

/** Since the last scrape. */
function eventLoop(delay: IntervalHistogram): Family {
  const samples = [0.5, 0.99, 1].map((quantile) => ({ labels: { quantile: String(quantile) }, value: (delay.count === 0 ? 0 : delay.percentile(quantile * 100)) / NS }))
  delay.reset()
  return { name: 'scow_event_loop_delay_seconds', help: 'How late the event loop is, since the last scrape.', type: 'gauge', samples }
}
