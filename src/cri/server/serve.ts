import { Server as GrpcServer, ServerCredentials, type ServiceDefinition, type UntypedServiceImplementation } from '@grpc/grpc-js'
import { chmodSync, chownSync, mkdirSync, unlinkSync } from 'node:fs'
import { connect, createServer, type Server as SocketServer } from 'node:net'
import { dirname } from 'node:path'
import { Failure } from '../../errors.ts'
import type { Engine } from '../../engine/engine.ts'
import { recoverDead } from '../../engine/recover.ts'
import { reportService } from '../../engine/report-service.ts'
import { finishPods } from '../../engine/stop-pod.ts'
import { threadedEngine, type ThreadedEngine } from '../../engine/threaded-engine.ts'
import { watchPodContainers } from '../../engine/watch-pods.ts'
import { log } from '../../log.ts'
import { ImageServiceService, RuntimeServiceService } from '../wire/generated/runtime-v1.ts'
import { findHandlers } from './handlers.ts'
import { mendAuthority, mendings } from './authority.ts'
import { checkPinned } from './pinned.ts'
import type { Wrapped } from './rpc.ts'
import type { Server } from './server.ts'
import { imageService, runtimeService } from './services.ts'
import type { ServeSettings } from './settings.ts'
import { openSources } from './sources.ts'
import { openSampler } from './stats/sampler.ts'
import { openStreaming } from './streaming/streaming-server.ts'

export interface ServeOptions {
  /** `unix:///PATH`, or a path. */
  readonly listen: string
  readonly version: string
  /** From the configuration as it is now, and the flags. @throws invalid */
  readonly settings: (config: Engine['config']) => ServeSettings
  /** Has the function called when the configuration is to be read anew. */
  readonly onHangUp?: (reload: () => void) => void
  /** Called when requests are taken. */
  readonly onReady?: () => void
  /** The server ends when it fires: no request is begun, those under way get a moment. */
  readonly signal: AbortSignal
}

const MAX_MESSAGE_BYTES = 16 * 2 ** 20
const GRACE_MS = 10_000

/** Serves the CRI until `signal`. Containers don't notice its end. */
export async function serve(inline: Engine, options: ServeOptions): Promise<void> {
  socketPath(options.listen)
  const engine = await threadedEngine(inline)
  const report: Report = (what) => reportService(inline, what)
  try {
    await serveWith(engine, options, report)
  } finally {
    await engine.close()
  }
}

type Report = (what: Parameters<typeof reportService>[1]) => void

async function serveWith(engine: ThreadedEngine, options: ServeOptions, report: Report): Promise<void> {
  await recoverDead(engine)
  await finishPods(engine)
  let settings = options.settings(engine.config)
  checkPinned(settings.pinnedImages)
  let handlers = await findHandlers(engine, settings)
  const streaming = await openStreaming(() => server, settings.streaming)
  const metrics = settings.metricsAddress === undefined ? undefined : (await import('./metrics/rpc-metrics.ts')).makeRpcMetrics()
  const server: Server = {
    engine, streaming, version: options.version, inFlight: new Map(), sources: openSources(engine), sampler: openSampler(engine), ending: options.signal,
    ...(metrics ? { metrics } : {}),
    get settings() { return settings },
    get handlers() { return handlers },
  }
  options.onHangUp?.(() => {
    report('reloading')
    reload(engine, options, settings).then(({ settings: now, handlers: found }) => {
      [settings, handlers] = [now, found]
      log.info('configuration loaded anew', { handlers: [...found.keys()].filter(Boolean).join(',') })
    }, (error: unknown) => log.error(`the configuration stays as it was: ${error instanceof Error ? error.message : error}`))
      .finally(() => report('ready'))
  })
  watchPodContainers(engine, options.signal)
  const grpc = new GrpcServer({ 'grpc.max_receive_message_length': MAX_MESSAGE_BYTES, 'grpc.max_send_message_length': -1 })
  addServices(grpc, server)
  const sockets = await listen(grpc, socketPath(options.listen))
  const figures = metrics && await (await import('./metrics/metrics-server.ts')).openMetrics(server, settings.metricsAddress!)
  options.onReady?.()
  report('ready')
  if (!options.signal.aborted) await new Promise<void>((resolve) => options.signal.addEventListener('abort', () => resolve(), { once: true }))
  report('stopping')
  sockets.close()
  figures?.close()
  streaming.close()
  await shutDown(grpc)
}

async function reload(engine: ThreadedEngine, { settings }: ServeOptions, before: ServeSettings): Promise<{ settings: ServeSettings; handlers: Awaited<ReturnType<typeof findHandlers>> }> {
  engine.reload()
  const now = settings(engine.config)
  checkPinned(now.pinnedImages)
  if (JSON.stringify(now.streaming) !== JSON.stringify(before.streaming)) log.warn('another streaming address takes a restart')
  if (now.metricsAddress !== before.metricsAddress) log.warn('another address of the figures takes a restart')
  return { settings: { ...now, streaming: before.streaming }, handlers: await findHandlers(engine, now) }
}

/** The same handlers under both names: old kubelets speak v1alpha2, whose wire is the same. */
function addServices(grpc: GrpcServer, server: Server): void {
  for (const api of ['v1', 'v1alpha2'] as const) {
    add(grpc, { definition: renamed(RuntimeServiceService, api), table: runtimeService(api), server })
    add(grpc, { definition: renamed(ImageServiceService, api), table: imageService, server })
  }
}

const renamed = (definition: ServiceDefinition, api: string): ServiceDefinition =>
  Object.fromEntries(Object.entries(definition).map(([name, method]) => [name, { ...method, path: method.path.replace('/runtime.v1.', `/runtime.${api}.`) }]))

function add(grpc: GrpcServer, { definition, table, server }: { definition: ServiceDefinition; table: Readonly<Record<string, Wrapped>>; server: Server }): void {
  const handlers = Object.keys(definition).map((name) => [name, table[name]!(server, name[0]!.toUpperCase() + name.slice(1))])
  grpc.addService(definition, Object.fromEntries(handlers) as UntypedServiceImplementation)
}

function socketPath(listen: string): string {
  const path = listen.replace(/^unix:(\/\/)?/, '')
  if (!path.startsWith('/')) throw new Failure('invalid', `cannot listen on "${listen}"`, { hint: 'use unix:///run/scow/scow.sock' })
  return path
}

/** A socket that a killed server left is replaced; a living one's is not. @throws inUse, denied, invalid */
async function listen(grpc: GrpcServer, path: string): Promise<SocketServer> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o711 })
  if (await answers(path)) throw new Failure('inUse', `another server listens on ${path}`)
  try {
    unlinkSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  const names = mendings(path)
  const injector = grpc.createConnectionInjector(ServerCredentials.createInsecure())
  const sockets = createServer((socket) => injector.injectConnection(mendAuthority(socket, names)))
  await new Promise<void>((resolve, reject) => sockets.once('error', (error) =>
    reject(new Failure('unavailable', `cannot listen on ${path}: ${error.message}`, { cause: error }))).listen(path, resolve))
  chmodSync(path, 0o660)
  chownSync(path, 0, 0)
  return sockets
}

const answers = (path: string): Promise<boolean> => new Promise((resolve) => {
  const socket = connect(path, () => {
    socket.destroy()
    resolve(true)
  })
  socket.on('error', () => resolve(false))
})

const shutDown = (grpc: GrpcServer): Promise<void> => new Promise((resolve) => {
  const timer = setTimeout(() => {
    log.warn('requests under way are cut off')
    grpc.forceShutdown()
    resolve()
  }, GRACE_MS)
  grpc.tryShutdown(() => {
    clearTimeout(timer)
    resolve()
  })
})
