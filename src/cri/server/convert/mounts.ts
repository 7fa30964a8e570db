import { Failure } from '../../../errors.ts'
import type { IdRange, MountRequest, Propagation } from '../../../spec/request.ts'
import { needAbsolute, needKnown, needPath, needWithin } from './check.ts'
import { MountPropagation, type IDMapping, type Mount } from '../../wire/generated/runtime-v1.ts'

const PROPAGATION: Readonly<Record<number, Propagation>> = {
  [MountPropagation.PROPAGATION_PRIVATE]: 'rprivate',
  [MountPropagation.PROPAGATION_HOST_TO_CONTAINER]: 'rslave',
  [MountPropagation.PROPAGATION_BIDIRECTIONAL]: 'rshared',
}

/** @throws invalid */
export function mountOf(mount: Mount): MountRequest {
  const { containerPath: target, hostPath: source, readonly: readOnly, image } = mount
  const what = `mount on ${target}`
  needAbsolute(target, 'the target of a mount')
  if (image?.image) {
    if (source) throw new Failure('invalid', `${what}: it has both an image and a path of the host`)
    return { type: 'image', image: image.image, target, readOnly: true, ...(mount.imageSubPath ? { subPath: needPath(mount.imageSubPath, 'a part of an image') } : {}) }
  }
  if (!source) throw new Failure('invalid', `${what}: it has no path of the host`)
  needAbsolute(source, 'the source of a mount')
  if (mount.recursiveReadOnly && !readOnly) throw new Failure('invalid', `${what}: recursive read-only needs read-only`)
  if (mount.recursiveReadOnly && mount.propagation !== MountPropagation.PROPAGATION_PRIVATE) throw new Failure('invalid', `${what}: recursive read-only needs private propagation`)
  const idmap = mount.uidMappings.length || mount.gidMappings.length ? { uids: mount.uidMappings.map(idRange), gids: mount.gidMappings.map(idRange) } : undefined
  return {
    // Volumes of untyped host paths lean on that, although the CRI's text asks for an error: containerd and CRI-O make it.
    createSource: true,
    type: 'bind', source, target, readOnly, recursiveReadOnly: mount.recursiveReadOnly,
    propagation: PROPAGATION[needKnown(mount.propagation, MountPropagation, `${what}: the propagation`)]!,
    ...(mount.selinuxRelabel ? { relabel: 'private' as const } : {}), ...(idmap ? { idmap } : {}),
  }
}

const IDS = 2 ** 32

export function idRange({ hostId, containerId, length }: IDMapping): IdRange {
  needWithin(length, [1, IDS - Math.max(hostId, containerId)], `the length of the id mapping ${containerId}:${hostId}`)
  return { hostId, containerId, size: length }
}
