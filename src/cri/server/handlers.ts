import { Failure, isFailure } from '../../errors.ts'
import type { Engine } from '../../engine/engine.ts'
import { userNamespaceProblem } from '../../engine/user-namespaces.ts'
import type { PodSandboxConfig } from '../wire/generated/runtime-v1.ts'
import { NamespaceMode } from '../wire/generated/runtime-v1.ts'
import type { Handler, Server } from './server.ts'
import type { ServeSettings } from './settings.ts'

type Parts = Pick<Engine, 'runtime' | 'storage'>

/** The default runtime (the empty name), those that the settings name, and every other configured one that is installed, with what they can do. */
export async function findHandlers(engine: Parts & Pick<Engine, 'config'>, { handlers }: Pick<ServeSettings, 'handlers'>): Promise<Map<string, Handler>> {
  const wanted = new Map<string, string | undefined>([['', undefined], ...Object.keys(engine.config.engine.runtimes).map((name) => [name, name] as const), ...Object.entries(handlers)])
  const found = await Promise.all([...wanted].map(async ([name, runtime]) => [name, await handlerOf(engine, { runtime, named: name === '' || name in handlers })] as const))
  return new Map(found.flatMap(([name, handler]) => (handler ? [[name, handler] as const] : [])))
}

/** Undefined for one that isn't installed, but for what somebody has named: its pods are refused with what to install. A runtime too old to tell what it can do can nothing of it. */
async function handlerOf(engine: Parts, { runtime, named }: { runtime: string | undefined; named: boolean }): Promise<Handler | undefined> {
  const opened = await engine.runtime(runtime).catch(unlessFailure)
  if (!opened) return named ? { runtime, recursiveReadOnly: false, userNamespaces: false } : undefined
  const features = await opened.features().catch(unlessFailure)
  return { runtime, recursiveReadOnly: features?.mountOptions.includes('rro') ?? false, userNamespaces: await userNamespaceProblem(engine, runtime) === undefined }
}

const unlessFailure = (error: unknown): undefined => {
  if (!isFailure(error)) throw error
}

/** As containerd and its kin have it: such a pod gets the runtime that isolates most, and nothing of the host. */
const UNTRUSTED = 'io.kubernetes.cri.untrusted-workload'

/** Of a new pod. @throws invalid */
export function chooseHandler({ handlers, settings }: Pick<Server, 'handlers' | 'settings'>, config: PodSandboxConfig, asked: string): Handler {
  const name = config.annotations[UNTRUSTED] === 'true' ? untrustedHandler(settings, config, asked) : asked
  const handler = handlers.get(name)
  if (!handler) throw new Failure('invalid', `unknown runtime handler "${name}"`, { hint: 'name it in [serve.handlers] or [engine.runtimes] of the configuration, and install it' })
  return handler
}

function untrustedHandler({ untrustedHandler: name }: ServeSettings, { linux }: PodSandboxConfig, asked: string): string {
  if (name === '') throw new Failure('invalid', 'no runtime for untrusted workloads is configured', { hint: 'name a handler as untrusted_handler in [serve] of scow.toml' })
  if (asked !== '' && asked !== name) throw new Failure('invalid', `an untrusted workload cannot choose the runtime handler "${asked}"`)
  const { privileged = false, namespaceOptions: of } = linux?.securityContext ?? {}
  if (privileged || [of?.network, of?.pid, of?.ipc].includes(NamespaceMode.NODE)) throw new Failure('invalid', 'an untrusted workload cannot use namespaces or privileges of the host')
  return name
}
