// What run and create share: the image is provided, the request made.
import type { Invocation } from '../../cli/command.ts'
import type { Engine } from '../../engine/engine.ts'
import type { CreateContainer } from '../../engine/create-container.ts'
import { currentDirectory } from '../../current-directory.ts'
import { Failure, isFailure } from '../../errors.ts'
import type { ContainerRequest, NetworkRequest } from '../../spec/request.ts'
import type { CreateValues, createOptions } from './options/create-options.ts'
import { mergeEnv } from './request/pairs.ts'
import { parsePullPolicy } from './request/settings.ts'
import { toRequest } from './request/to-request.ts'

type CreateCall = Invocation<typeof createOptions, Engine>

export interface Wanted {
  readonly call: Pick<CreateCall, 'args' | 'given' | 'out' | 'interrupt' | 'commandLine'> & { readonly options: CreateValues }
  readonly preserveFds?: readonly number[]
  readonly removeImage?: boolean
}

/** Checks every flag before anything is pulled or made. @throws Failure */
export async function prepareCreation(engine: Engine, { call, preserveFds, removeImage }: Wanted): Promise<CreateContainer> {
  const { options, args, given } = call
  if (options.replace && !options.name) throw new Failure('invalid', '--replace needs --name: it says which container to replace')
  const policy = parsePullPolicy(options.pull, engine.config.engine.pullPolicy)
  const request = withDefaultNetwork(engine, toRequest(options, args, {
    cwd: currentDirectory(), environment: engine.environment.all, defaults: engine.config.containers, given,
    ...(preserveFds?.length ? { preserveFds } : {}), ...(removeImage ? { removeImage } : {}),
  }))
  const image = request.image === undefined ? undefined : await provideImage(engine, request.image, { call, policy })
  if (options.replace && request.name !== undefined) await removeNamed(engine, request.name)
  return { request: withMergedEnv(request, options.envMerge, image), createCommand: call.commandLine, ...(image ? { image } : {}) }
}

/** What a container has whose image sets none. */
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** --env-merge changes what the container has from its image; what the flags set stands over it. */
function withMergedEnv(request: ContainerRequest, texts: readonly string[], image: CreateContainer['image']): ContainerRequest {
  if (texts.length === 0 || request.unsetAllEnv) return request
  const ofImage = ((image?.config as { config?: { Env?: readonly string[] } } | undefined)?.config?.Env ?? []).map((text): [string, string] => {
    const [name, ...value] = text.split('=')
    return [name!, value.join('=')]
  })
  const base = [['PATH', DEFAULT_PATH] as const, ...ofImage].filter(([name]) => !request.unsetEnv?.includes(name))
  return { ...request, env: [...mergeEnv(texts, base), ...request.env] }
}

/** A bridge without a name is the default network. */
function withDefaultNetwork(engine: Engine, request: ContainerRequest): ContainerRequest {
  const { network } = request
  if (network.kind !== 'bridge') return request
  const name = engine.config.network.defaultNetwork
  const named: NetworkRequest = { kind: 'bridge', networks: network.networks.map((one) => (one.name === '' ? { ...one, name } : one)) }
  return { ...request, network: named }
}

async function provideImage(engine: Engine, reference: string, { call, policy }: { call: Wanted['call']; policy: ReturnType<typeof parsePullPolicy> }) {
  const { options } = call
  const hasPlatform = [options.platform, options.arch, options.os, options.variant].some((part) => part !== undefined)
  if (policy === 'missing' && !hasPlatform) {
    const { lookUpImage } = await import('../../engine/find-image.ts')
    const here = await lookUpImage(engine, reference)
    if (here) return here
  }
  const [{ pullImage }, { withPassword }, { chooseImage }, { platformText }, { toAccess }, { showPull }] = await Promise.all([
    import('../../engine/pull-image.ts'), import('../ask-password.ts'), import('../image/choose-image.ts'), import('../image/platform-text.ts'), import('../image/pull-options.ts'), import('../image/show-pull.ts'),
  ])
  const platform = platformText(options)
  const access = toAccess({ ...options, creds: await withPassword(options.creds) }, call.given)
  const shown = showPull(call.out, options.quiet)
  try {
    return await pullImage(engine, {
      reference, policy, access, signal: call.interrupt.signal, ...chooseImage,
      ...(platform === undefined ? {} : { platform }), ...(shown.onProgress ? { onProgress: shown.onProgress } : {}),
    })
  } finally {
    shown.end()
  }
}

async function removeNamed(engine: Engine, name: string): Promise<void> {
  try {
    const { id } = await engine.state.containers.find(name)
    const { removeContainer } = await import('../../engine/remove-container.ts')
    await removeContainer(engine, id, { force: true, dependents: 'refuse' })
  } catch (error) {
    if (!isFailure(error, 'notFound')) throw error
  }
}
