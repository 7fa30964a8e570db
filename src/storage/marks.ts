// Which marks the store's trees carry for removed files. Chosen once, by the first driver that opens the store, since
// trees with other marks would show what was removed.
import { constants, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../errors.ts'
import { removeTree } from '../fs/remove-tree.ts'
import { writeFileAtomic } from '../fs/write-atomic.ts'
import { mknod, lsetxattr } from '../sys/addon.ts'
import type { Staging } from './staging.ts'
import type { DriverName } from './storage.ts'
import type { WhiteoutStyle } from './whiteouts.ts'

const STYLES: readonly string[] = ['trusted.overlay.', 'user.overlay.', 'names']

/** Failure wrongState when overlay meets trees that were made for vfs alone. */
export function marksOf(layers: string, { driver, staging }: { driver: DriverName, staging: Staging }): WhiteoutStyle {
  const known = readMarks(layers)
  if (known === 'names' && driver === 'overlay') {
    throw new Failure('wrongState', `the layers in ${layers} were unpacked for the driver vfs and can't be used with overlay`, { hint: 'choose the driver vfs, or another --root' })
  }
  if (known !== undefined) return known
  const chosen = driver === 'overlay' ? overlayStyle() : probe(staging)
  writeFileAtomic(join(layers, 'marks'), `${chosen}\n`, { sync: false })
  return chosen
}

function readMarks(layers: string): WhiteoutStyle | undefined {
  try {
    const text = readFileSync(join(layers, 'marks'), 'utf8').trim()
    return STYLES.includes(text) ? text as WhiteoutStyle : undefined
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Only the machine's root may set trusted.*; a user namespace mounts with `userxattr`. */
const overlayStyle = (): WhiteoutStyle => (ownsMachine() ? 'trusted.overlay.' : 'user.overlay.')

const ownsMachine = (): boolean => /^\s*0\s+0\s+4294967295\s*$/.test(readFileSync('/proc/self/uid_map', 'utf8')) && process.geteuid?.() === 0

function probe(staging: Staging): WhiteoutStyle {
  const dir = staging.make()
  try {
    mkdirSync(join(dir, 'd'))
    mknod(join(dir, 'w'), constants.S_IFCHR)
    lsetxattr(join(dir, 'd'), `${overlayStyle()}opaque`, Buffer.from('y'))
    return overlayStyle()
  } catch {
    return 'names'
  } finally {
    removeTree(dir)
  }
}
