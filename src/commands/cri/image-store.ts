// Where a runtime keeps its images, as far as that can be reached past the CRI, which has no words for archives.
import type { Invocation } from '../../cli/command.ts'
import type { ContainerdStore } from '../../cri/client/containerd-store.ts'
import type { Connection } from '../../cri/client/connection.ts'
import type { Engine } from '../../engine/engine.ts'
import { Failure } from '../../errors.ts'
import type { Options } from '../../cli/command.ts'
import { openImages } from './command.ts'

export type ImageStore = { readonly kind: 'scow'; readonly engine: Engine } | { readonly kind: 'containerd'; readonly store: ContainerdStore }

type Call = Pick<Invocation<Options, Engine>, 'globals' | 'interrupt' | 'out' | 'engine'>

const OTHER_WAYS: Readonly<Record<string, string>> = {
  'cri-o': 'on the node, skopeo copies to and from containers-storage:',
  docker: 'on the node, use docker save and docker load',
}

/** @throws unsupported: a runtime whose store is not known; unavailable: it is on another machine */
export async function openImageStore(call: Call): Promise<{ readonly images: Connection; readonly store: ImageStore }> {
  const images = await openImages(call)
  const { RuntimeServiceService: Runtime, StatusRequest, VersionRequest } = await import('../../cri/wire/generated/runtime-v1.ts')
  const { runtimeName } = await images.call(Runtime.version, VersionRequest.fromPartial({ version: '0.1.0' }))
  if (runtimeName === 'containerd') {
    const [{ openContainerdStore }, { parseEndpoint }] = await Promise.all([import('../../cri/client/containerd-store.ts'), import('../../cri/client/endpoint.ts')])
    return { images, store: { kind: 'containerd', store: openContainerdStore(parseEndpoint(images.address)) } }
  }
  if (runtimeName !== 'scow') throw new Failure('unsupported', `the CRI cannot save or load images, and the store of ${runtimeName} is not known here`, OTHER_WAYS[runtimeName] === undefined ? {} : { hint: OTHER_WAYS[runtimeName] })
  const { info } = await images.call(Runtime.status, StatusRequest.fromPartial({ verbose: true }))
  const { root, stateDir } = rootsIn(info)
  if (!images.address.startsWith('unix:') || !(await import('node:fs')).existsSync(root)) throw new Failure('unavailable', `the store of the runtime at ${images.address} is not on this machine`, { hint: 'run this on the node itself' })
  call.globals.set('--root', root)
  call.globals.set('--runroot', stateDir)
  return { images, store: { kind: 'scow', engine: await call.engine() } }
}

function rootsIn(info: Readonly<Record<string, string>>): { root: string; stateDir: string } {
  const told = JSON.parse(info['config'] ?? '{}') as { root?: unknown; stateDir?: unknown }
  if (typeof told.root !== 'string' || typeof told.stateDir !== 'string') throw new Failure('unsupported', 'the runtime does not tell where its store is')
  return { root: told.root, stateDir: told.stateDir }
}
