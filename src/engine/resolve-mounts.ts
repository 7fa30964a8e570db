import { chownSync, mkdirSync, promises, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Failure, reasonOf } from '../errors.ts'
import type { Digest } from '../image/digest.ts'
import { makeDir } from '../fs/remove-tree.ts'
import type { ResolvedMount } from '../spec/mounts.ts'
import type { BindMount, ImageMount, MountRequest, VolumeMount } from '../spec/request.ts'
import type { Container } from '../state/containers.ts'
import { copyFromRoot, ownAsInRoot } from './copy-from-root.ts'
import { hostIds } from './give-to-user.ts'
import { volumeDir } from './make-volume.ts'
import { volumeFiles } from './mount-volume.ts'
import type { Engine } from './engine.ts'
import { labelVolume, type SelinuxLabels } from './selinux-labels.ts'
import { findImage } from './find-image.ts'

interface Mounting { readonly container: Container; readonly rootfsPath: string; readonly user: { readonly uid: number; readonly gid: number }; readonly selinux: SelinuxLabels | undefined }
interface Inputs extends Mounting { readonly mount: MountRequest; readonly index: number }

/** The request's mounts with host paths. Volumes that are empty get the image's content; images are mounted below the run root. */
export async function resolveMounts(engine: Engine, mounting: Mounting): Promise<ResolvedMount[]> {
  const { container: { id, record: { request } }, user } = mounting
  const resolved: ResolvedMount[] = []
  for (const [index, mount] of request.mounts.entries()) {
    const one = await resolveMount(engine, { ...mounting, mount, index })
    const source = one.source ?? ''
    if (mount.type !== 'tmpfs' && 'chown' in mount && mount.chown) await (await import('./give-to-user.ts')).giveToUser(source, user, request.idMappings)
    const writable = ('overlay' in mount && mount.overlay) || (mount.type === 'image' && mount.writable)
    resolved.push(writable ? (await import('./writable-over.ts')).writableOver(engine, { id, index, lower: source, target: mount.target }) : one)
  }
  return resolved
}

async function resolveMount(engine: Engine, inputs: Inputs): Promise<ResolvedMount> {
  const { mount } = inputs
  switch (mount.type) {
    case 'bind': return shiftOwners(engine, await resolveBind(mount), inputs)
    case 'volume': return resolveVolume(engine, mount, inputs)
    case 'image': return resolveImage(engine, mount, inputs)
    case 'tmpfs': return mount.chown ? { ...mount, options: [...mount.options ?? [], `uid=${inputs.user.uid}`, `gid=${inputs.user.gid}`] } : mount
    default: return mount
  }
}

async function resolveBind(mount: BindMount): Promise<ResolvedMount> {
  await provideSource(mount)
  return mount
}

/** The path is anybody's: a look at it may wait for a server far away. @throws notFound */
export async function provideSource({ source, target, createSource }: BindMount): Promise<void> {
  if (await exists(source)) return
  if (!createSource) throw new Failure('notFound', `cannot mount ${source} on ${target}: no such file or directory on the host`, { hint: `make it first (mkdir -p ${source}), or give a volume name instead of a path` })
  try {
    makeDir(source)
  } catch (cause) {
    throw new Failure('notFound', `cannot mount ${source} on ${target}: it is not there, and a directory cannot be made: ${reasonOf(cause)}`, { cause })
  }
}

/** A part of a volume or an image, which may be full of links, by a mount of its own. @throws notFound */
async function inside(engine: Engine, { container, index }: Pick<Inputs, 'container' | 'index'>, { root, path, what }: { root: string; path: string; what: string }): Promise<string> {
  const dir = join(engine.paths.container(container.id).run, 'parts')
  makeDir(dir, 0o711)
  const { mountInRoot } = await import('../fs/mount-in-root.ts')
  const target = join(dir, String(index))
  if (!mountInRoot({ root, path, target })) throw missingPart(what, path)
  return target
}

export const missingPart = (what: string, path: string): Failure => new Failure('notFound', `${what} has no ${path}`)

/** Done by us, so that any runtime will do. A bare `idmap` takes the container's own ids. */
async function shiftOwners(engine: Engine, mount: ResolvedMount, { container, index }: Inputs): Promise<ResolvedMount> {
  const { idmap, ...rest } = mount
  if (!idmap) return mount
  const own = container.record.request.idMappings
  const [uids, gids] = [idmap.uids ?? own?.uids, idmap.gids ?? idmap.uids ?? own?.gids]
  if (!uids || !gids) throw new Failure('invalid', `idmapped mount on ${mount.target} says no ids, and the container has no user namespace to take them from`)
  const dir = join(engine.paths.container(container.id).run, 'shifted')
  makeDir(dir, 0o711)
  const source = join(dir, String(index))
  await (await import('../fs/shifted-mount.ts')).mountShifted(mount.source ?? '', source, { uids, gids })
  return { ...rest, source }
}

const exists = (path: string): Promise<boolean> => promises.access(path).then(() => true, () => false)

async function resolveVolume(engine: Engine, mount: VolumeMount, { container, index, rootfsPath, user, selinux }: Inputs): Promise<ResolvedMount> {
  const name = mount.name ?? ''
  const volume = await engine.state.volumes.get(name)
  if (!volume) throw new Failure('notFound', `volume ${name} of container ${container.name} is gone`, { hint: `make it anew: scow volume create ${name}` })
  const own = volume.mountpoint || volumeDir(engine, name)
  mkdirSync(own, { recursive: true, mode: 0o755 })
  const dir = await volumeFiles(engine, volume, container)
  let fresh = false
  if (!mount.subPath && readdirSync(dir).length === 0) {
    const place = { rootfsPath, path: mount.target, target: dir }
    const isOurs = dir === own && volume.uid === undefined && volume.gid === undefined
    const asUser = (): void => chownSync(dir, ...hostIds(user, container.record.request.idMappings))
    if (!mount.noCopy && !('nocopy' in volume.options)) {
      fresh = await copyFromRoot(place)
      if (!fresh && isOurs) asUser()
    } else if (isOurs && isUntouched(dir) && !ownAsInRoot(place)) asUser()
  }
  if (selinux && dir === own) await labelVolume(dir, { labels: selinux, fresh })
  const { type: _type, name: _name, relabel: _relabel, noCopy: _noCopy, chown: _chown, overlay: _overlay, subPath, ...common } = mount
  const source = subPath ? await inside(engine, { container, index }, { root: dir, path: subPath, what: `volume ${name}` }) : dir
  return { ...common, type: 'bind', source, options: ['nosuid', 'nodev', ...(volume.options['o']?.split(',') ?? []).filter((option) => ['ro', 'nosuid', 'nodev', 'noexec'].includes(option)), ...(mount.options ?? [])] }
}

/** As volumes are made, under any umask. */
function isUntouched(dir: string): boolean {
  const { uid, gid, mode } = statSync(dir)
  return uid === 0 && gid === 0 && (mode & 0o7022) === 0
}

async function resolveImage(engine: Engine, mount: ImageMount, { container, index, selinux }: Inputs): Promise<ResolvedMount> {
  const image = await findImage(engine, mount.image)
  const target = join(engine.paths.container(container.id).run, 'images', String(index))
  makeDir(target)
  const { idMappings: idmap } = container.record.request
  await (await engine.storage()).containers.mountImage(image.chainIds as Digest[], target, { ...(idmap ? { idmap } : {}), ...(selinux ? { label: selinux.mountLabel } : {}) })
  const source = mount.subPath ? await inside(engine, { container, index }, { root: target, path: mount.subPath, what: `image ${mount.image}` }) : target
  return { type: 'bind', source, target: mount.target, readOnly: true, ...(mount.options ? { options: mount.options } : {}) }
}
