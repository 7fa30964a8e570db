import { statSync, writeFileSync } from 'node:fs'
import { Failure } from '../errors.ts'
import { mountIdmapped, type IdMappings } from '../sys/addon.ts'
import { makeDir } from './remove-tree.ts'

/**
 * Mounts `source` with all that is mounted below on the new file or directory `target`, with shifted owners: what is of
 * `containerId` on disk is of `hostId` there. @throws unsupported where a file system can't
 */
export async function mountShifted(source: string, target: string, ids: IdMappings): Promise<void> {
  if (statSync(source).isDirectory()) makeDir(target)
  else writeFileSync(target, '')
  try {
    await mountIdmapped(source, target, { ...ids, recursive: true })
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException
    throw new Failure('unsupported', `${source} cannot be mounted with shifted owners (${syscall}: ${code})`, { cause: error, hint: 'its file system, or one that is mounted below it, knows no idmapped mounts' })
  }
}
