import { chmodSync, chownSync, lstatSync, rmSync } from 'node:fs'
import { connect, createServer, type Server as SocketServer } from 'node:net'
import { dirname } from 'node:path'
import { Failure, reasonOf } from '../../errors.ts'
import { claimServer } from '../../engine/claim-server.ts'
import type { Engine } from '../../engine/engine.ts'
import { endOrphanedProbes } from '../../engine/end-orphaned-probes.ts'
import { makeDir } from '../../engine/own-files.ts'
import { recoverDead } from '../../engine/recover.ts'
import { reportService } from '../../engine/report-service.ts'
import { finishPods } from '../../engine/stop-pod.ts'
import { threadedEngine, type ThreadedEngine } from '../../engine/threaded-engine.ts'
import { watchPodContainers } from '../../engine/watch-pods.ts'
import { log } from '../../log.ts'
import { ImageServiceService, RuntimeServiceService } from '../wire/generated/runtime-v1.ts'
import { findHandlers } from './handlers.ts'
import { serveGrpc, type GrpcMethod, type GrpcServer } from './grpc/serve-grpc.ts'
import { STATUS } from './grpc/status.ts'
import { checkPinned } from './pinned.ts'
import { RpcError, type Wrapped } from './rpc.ts'
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

const MAX_REQUEST_BYTES = 16 * 2 ** 20
const GRACE_MS = 10_000

/** Serves the CRI until `signal`. Containers don't notice its end. */
export async function serve(inline: Engine, options: ServeOptions): Promise<void> {
  socketPath(options.listen)
  using _ = await claimServer(inline)
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
  await endOrphanedProbes(engine)
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
    reload(engine, options, { settings, streaming }).then(({ settings: now, handlers: found }) => {
      [settings, handlers] = [now, found]
      log.info('configuration loaded anew', { handlers: [...found.keys()].filter(Boolean).join(',') })
    }, (error: unknown) => log.error(`the configuration stays as it was: ${error instanceof Error ? error.message : error}`))
      .finally(() => report('ready'))
  })
  watchPodContainers(engine, options.signal)
  const grpc = serveGrpc({
    methods: methodsOf(server), maxRequestBytes: MAX_REQUEST_BYTES,
    statusOf: (error) => ({ code: error instanceof RpcError ? error.code : STATUS.INTERNAL, details: (error as Error).message }),
  })
  const sockets = await listen(grpc, socketPath(options.listen))
  const figures = metrics && await (await import('./metrics/metrics-server.ts')).openMetrics(server, settings.metricsAddress!)
  options.onReady?.()
  report('ready')
  if (!options.signal.aborted) await new Promise<void>((resolve) => options.signal.addEventListener('abort', () => resolve(), { once: true }))
  report('stopping')
  sockets.close()
  figures?.close()
  streaming.close()
  if (!await grpc.shutDown(GRACE_MS)) log.warn('requests under way are cut off')
}

async function reload(engine: ThreadedEngine, { settings }: ServeOptions, { settings: before, streaming }: Pick<Server, 'settings' | 'streaming'>): Promise<{ settings: ServeSettings; handlers: Awaited<ReturnType<typeof findHandlers>> }> {
  const renewed = await streaming.renewal()
  engine.reload()
  const now = settings(engine.config)
  checkPinned(now.pinnedImages)
  renewed()
  if (JSON.stringify(now.streaming) !== JSON.stringify(before.streaming)) log.warn('another streaming address takes a restart')
  if (now.metricsAddress !== before.metricsAddress) log.warn('another address of the figures takes a restart')
  return { settings: { ...now, streaming: before.streaming }, handlers: await findHandlers(engine, now) }
}

interface Method { readonly path: string; readonly requestDeserialize: (bytes: Buffer) => unknown; readonly responseSerialize: (message: never) => Buffer }

/** The same handlers under both names: old kubelets speak v1alpha2, whose wire is the same. */
function methodsOf(server: Server): Map<string, GrpcMethod> {
  const of = (api: string, definition: Readonly<Record<string, Method>>, table: Readonly<Record<string, Wrapped>>): [string, GrpcMethod][] =>
    Object.entries(definition).map(([name, { path, requestDeserialize, responseSerialize }]) => {
      const handle = table[name]!(server, name[0]!.toUpperCase() + name.slice(1))
      return [path.replace('/runtime.v1.', `/runtime.${api}.`), async (request, { signal, send }) =>
        handle(requestDeserialize(request), { signal, answer: (message) => send(message instanceof Uint8Array ? message : responseSerialize(message as never)) })]
    })
  return new Map((['v1', 'v1alpha2'] as const).flatMap((api) => [...of(api, RuntimeServiceService, runtimeService(api)), ...of(api, ImageServiceService, imageService)]))
}

function socketPath(listen: string): string {
  const path = listen.replace(/^unix:(\/\/)?/, '')
  if (!path.startsWith('/')) throw new Failure('invalid', `cannot listen on "${listen}"`, { hint: 'use unix:///run/scow/scow.sock' })
  return path
}

/** What `sockaddr_un` has room for. */
const MAX_SOCKET_BYTES = 107

/** A socket that a killed server left is replaced; a living one's, and what is no socket, is not. @throws inUse, denied, invalid, unavailable */
async function listen(grpc: GrpcServer, path: string): Promise<SocketServer> {
  if (Buffer.byteLength(path) > MAX_SOCKET_BYTES) throw new Failure('invalid', `cannot listen on ${path}: the path of a socket has ${MAX_SOCKET_BYTES} bytes at most`)
  try {
    makeDir(dirname(path), 0o711)
  } catch (cause) {
    throw new Failure('unavailable', `cannot listen on ${path}: ${dirname(path)}: ${reasonOf(cause)}`, { cause })
  }
  await makeRoom(path)
  const sockets = createServer((socket) => grpc.take(socket))
  await new Promise<void>((resolve, reject) => sockets.once('error', (error) =>
    reject(new Failure('unavailable', `cannot listen on ${path}: ${error.message}`, { cause: error }))).listen(path, resolve))
  chmodSync(path, 0o660)
  chownSync(path, 0, 0)
  return sockets
}

async function makeRoom(path: string): Promise<void> {
  const there = lstatSync(path, { throwIfNoEntry: false })
  if (!there) return
  if (!there.isSocket()) throw new Failure('invalid', `cannot listen on ${path}: it is there, and no socket`, { hint: 'name another path' })
  if (await answers(path)) throw new Failure('inUse', `another server listens on ${path}`)
  rmSync(path, { force: true })
}

const answers = (path: string): Promise<boolean> => new Promise((resolve) => {
  const socket = connect(path, () => {
    socket.destroy()
    resolve(true)
  })
  socket.on('error', () => resolve(false))
})
