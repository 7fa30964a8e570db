import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as breathe } from 'node:timers/promises'
import { lgetxattr, lsetxattr } from '../sys/addon.ts'

const ATTRIBUTE = 'security.selinux'
/** Between them a server does other things. */
const AT_ONCE = 100

/** Of `path` itself; undefined where it has none. */
export const fileLabel = (path: string): string | undefined => lgetxattr(path, ATTRIBUTE)?.toString('utf8').replace(/\0$/, '')

/** Sets the SELinux label of `path` and all below, links not followed; what has it already is left alone. */
export async function setFileLabel(path: string, label: string): Promise<void> {
  const left = [path]
  for (let done = 1; left.length > 0; done++) {
    const next = left.pop()!
    setOwnLabel(next, label)
    if (lstatSync(next).isDirectory()) for (const name of readdirSync(next)) left.push(join(next, name))
    if (done % AT_ONCE === 0) await breathe()
  }
}

/** Sets that of `path` alone: what is made in a folder has the folder's. */
export function setOwnLabel(path: string, label: string): void {
  const value = Buffer.from(`${label}\0`)
  if (!lgetxattr(path, ATTRIBUTE)?.equals(value)) lsetxattr(path, ATTRIBUTE, value)
}
