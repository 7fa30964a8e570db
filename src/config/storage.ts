// storage.conf, [storage] of scow.toml, and the flags and variables that go before them.
import { isOurs, type ConfigSource } from './files.ts'
import { readSection } from './reader.ts'
import { ROOTS } from './sections.ts'
import type { ConfigFlags, StorageConfig } from './types.ts'
import type { Environment } from '../environment.ts'
import { Failure } from '../errors.ts'
import { log } from '../log.ts'

export interface StorageInputs {
  /** storage.conf, when there is one. */
  readonly file: ConfigSource | undefined
  readonly sources: readonly ConfigSource[]
  readonly flags: ConfigFlags
  readonly environment: Environment
}

const MOUNT_OPTIONS: readonly string[] = ['nodev', 'nosuid', 'noexec', 'noatime']
/** How trees lie on the disk, and which are volatile, is settled by the store: a file that was written for others may say so, to no effect. */
const SETTLED: readonly string[] = ['volatile', 'metacopy', 'index', 'redirect_dir', 'xino', 'userxattr', 'fsync']

export function storageSection({ file, sources, flags, environment }: StorageInputs): StorageConfig {
  const all = [...(file ? [file] : []), ...sources.filter((source) => isOurs(source.file))]
  const read = readSection(all, 'storage')
  const overlay = readSection(all, 'storage.options.overlay')
  const inFiles = overlay.text('mountopt', '')
  read.reportUnused(['driver', 'options', 'keep_blobs', ...ROOTS])
  readSection(all, 'storage.options').reportUnused(['overlay'])
  overlay.reportUnused()
  const given = flags.storageOpts ?? environment.storageOpts
  return {
    driver: flags.storageDriver || environment.storageDriver || read.text('driver', ''),
    mountOptions: given.length > 0
      ? parseMountOptions(given.map(mountoptOf).at(-1)!, (option) => { throw new Failure('invalid', `storage option overlay.mountopt has an unknown "${option}"`, { hint: `use ${MOUNT_OPTIONS.join(', ')}` }) })
      : parseMountOptions(inFiles, (option) => { log.warn(`${overlay.raw('mountopt').at(-1)!.file}: mountopt "${option}" is not used by scow, which has ${MOUNT_OPTIONS.join(', ')}`) }),
  }
}

/** The value of `overlay.mountopt=VALUE`, which is the one option that scow has. */
function mountoptOf(text: string): string {
  const at = text.indexOf('=')
  if (at < 1) throw new Failure('invalid', `storage option '${text}' must be name=value`)
  const name = text.slice(0, at)
  if (!/^(overlay2?\.|\.)?mountopt$/.test(name)) throw new Failure('invalid', `unknown storage option "${name}"`, { hint: 'scow has overlay.mountopt' })
  return text.slice(at + 1)
}

function parseMountOptions(text: string, tellUnknown: (option: string) => void): readonly string[] {
  return text.split(',').map((option) => option.trim()).filter((option) => {
    if (MOUNT_OPTIONS.includes(option)) return true
    if (SETTLED.includes(option.split('=')[0]!)) log.debug(`overlay.mountopt: ${option} is left to scow's store`)
    else if (option !== '') tellUnknown(option)
    return false
  })
}
