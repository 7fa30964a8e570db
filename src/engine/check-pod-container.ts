import { realpath } from 'node:fs/promises'
import { Failure } from '../errors.ts'
import { mountOf } from '../fs/mounts.ts'
import type { Digest } from '../image/digest.ts'
import type { ResolvedMount } from '../spec/mounts.ts'
import type { BindMount, MountRequest, Propagation } from '../spec/request.ts'
import { needsFiles, resolveUser, type ResolvedUser } from '../spec/users.ts'
import { both } from './both.ts'
import type { Engine } from './engine.ts'
import { findImage } from './find-image.ts'
import { missingPart } from './resolve-mounts.ts'
import { containerLabels } from './selinux-labels.ts'
import { settleSpec, type MadeContainer } from './settle-spec.ts'
import { MAX_PASSWD_BYTES } from './write-bundle.ts'

/**
 * What its configuration would let the start of a container fail for, told while it is made: a kubelet shows that as what it
 * is, and tries no start. Changes nothing.
 * @throws invalid, notFound, unsupported, wrongState
 */
export async function checkPodContainer(engine: Engine, container: MadeContainer): Promise<void> {
  const { request } = container.record
  for (const mount of request.mounts) await checkMount(engine, mount)
  await settleSpec(engine, {
    container, rootfsPath: engine.paths.container(container.id).bundle, user: await userOf(engine, container), mounts: request.mounts.map(asResolved), files: {},
    network: request.network.kind === 'path' ? request.network : { kind: 'host' }, selinux: await containerLabels(engine, container),
  })
}

async function checkMount(engine: Engine, mount: MountRequest): Promise<void> {
  if (mount.type === 'bind') return checkPropagation(mount)
  if (mount.type !== 'image') return
  const { chainIds } = await findImage(engine, mount.image)
  const { subPath } = mount
  if (subPath && !await (await engine.storage()).layers.has(chainIds as Digest[], subPath)) throw missingPart(`image ${mount.image}`, subPath)
}

/** Asked for where nothing comes through, it would be made all the same, and nobody told. */
async function checkPropagation({ source, target, propagation }: BindMount): Promise<void> {
  const kinds = propagation && THROUGH[propagation]
  if (!kinds) return
  const holder = mountOf(await realpath(source))
  if (holder?.propagation.some((word) => kinds.includes(word.replace(/:.*$/, '')))) return
  throw new Failure('invalid', `mount on ${target}: ${source} lies in ${holder?.target ?? '/'}, which is no ${kinds.length > 1 ? 'shared or slave' : 'shared'} mount`)
}

/** Which words of mountinfo(5) let mounts through, from the host or both ways. */
const THROUGH: Readonly<Partial<Record<Propagation, readonly string[]>>> = { rslave: ['shared', 'master'], rshared: ['shared'] }

/** As the specification has them, where it doesn't matter what they show. */
function asResolved(mount: MountRequest): ResolvedMount {
  switch (mount.type) {
    case 'bind': {
      const { idmap: _ours, ...rest } = mount
      return rest
    }
    case 'volume': case 'image': return { type: 'bind', source: '/', target: mount.target }
    default: return mount
  }
}

/** Numbers are what they are in every image; only for names one must be looked into. */
async function userOf(engine: Engine, { record }: MadeContainer): Promise<ResolvedUser> {
  const { user, image, request: { groups, supplementalGroupsPolicy: policy } } = record
  const named = { user, groups, policy }
  if (!image || !needsFiles(user)) return resolveUser(named)
  const { layers } = await engine.storage()
  const text = (path: string): Promise<string | undefined> => layers.text(image.chainIds as Digest[], { path, maxBytes: MAX_PASSWD_BYTES })
  const [passwd, group] = await both(text('/etc/passwd'), text('/etc/group'))
  return resolveUser({ ...named, passwd, group })
}
