// What `ps` shows on demand only: sizes walk trees, namespaces read /proc.
import { readlinkSync } from 'node:fs'
import type { Engine } from '../../engine/engine.ts'
import type { Row } from './row.ts'

/** Bytes of the writable layer, and with the image's. */
export async function containerSize(engine: Engine, row: Row): Promise<{ writable: number; rootfs: number }> {
  const writable = await (await engine.storage()).containers.usage(row.id).then(({ bytes }) => bytes, () => 0)
  const image = row.imageId === undefined ? undefined : await engine.state.images.get(row.imageId)
  return { writable, rootfs: writable + (image?.sizeBytes ?? 0) }
}

/** Inode of each namespace of a running container. */
export function namespaceIds(row: Row): Record<string, string> {
  const pid = row.status.process?.pid
  if (pid === undefined) return {}
  const ids: Record<string, string> = {}
  for (const kind of ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'user', 'uts']) {
    try {
      ids[kind] = /\[(\d+)\]/.exec(readlinkSync(`/proc/${pid}/ns/${kind}`))?.[1] ?? ''
    } catch { /* it has just ended */ }
  }
  return ids
}
