import { Failure } from '../../../errors.ts'
import type { IdRange, MountRequest, Propagation } from '../../../spec/request.ts'
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
  if (!target.startsWith('/')) throw new Failure('invalid', `${what}: the path must be absolute`)
  if (image?.image) {
    if (source) throw new Failure('invalid', `${what}: it has both an image and a path of the host`)
    return { type: 'image', image: image.image, target, readOnly: true, ...(mount.imageSubPath ? { subPath: mount.imageSubPath } : {}) }
  }
  if (!source) throw new Failure('invalid', `${what}: it has no path of the host`)
  if (mount.recursiveReadOnly && !readOnly) throw new Failure('invalid', `${what}: recursive read-only needs read-only`)
  if (mount.recursiveReadOnly && mount.propagation !== MountPropagation.PROPAGATION_PRIVATE) throw new Failure('invalid', `${what}: recursive read-only needs private propagation`)
  const idmap = mount.uidMappings.length || mount.gidMappings.length ? { uids: mount.uidMappings.map(idRange), gids: mount.gidMappings.map(idRange) } : undefined
  return {
    type: 'bind', source, target, readOnly, recursiveReadOnly: mount.recursiveReadOnly,
    propagation: PROPAGATION[mount.propagation] ?? 'rprivate',
    ...(mount.selinuxRelabel ? { relabel: 'shared' as const } : {}), ...(idmap ? { idmap } : {}),
  }
}

export const idRange = ({ hostId, containerId, length }: IDMapping): IdRange => ({ hostId, containerId, size: length })
