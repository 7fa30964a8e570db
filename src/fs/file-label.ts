import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { lgetxattr, lsetxattr } from '../sys/addon.ts'

const ATTRIBUTE = 'security.selinux'

/** Sets the SELinux label of `path` and all below, links not followed; what has it already is left alone. */
export function setFileLabel(path: string, label: string): void {
  const value = Buffer.from(`${label}\0`)
  if (!lgetxattr(path, ATTRIBUTE)?.equals(value)) lsetxattr(path, ATTRIBUTE, value)
  if (lstatSync(path).isDirectory()) for (const name of readdirSync(path)) setFileLabel(join(path, name), label)
}
