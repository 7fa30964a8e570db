// What the parts of one open store share.
import type { Paths } from '../paths.ts'
import type { BlobFiles } from './blob-files.ts'
import type { Staging } from './staging.ts'
import type { Unpackers } from './unpackers.ts'
import type { WhiteoutStyle } from './whiteouts.ts'
import type { StorageOptions } from './storage.ts'

export interface Store {
  readonly paths: Paths
  readonly style: WhiteoutStyle
  readonly files: BlobFiles
  readonly staging: Staging
  readonly unpackers: Unpackers
  readonly options: StorageOptions
  readonly stallMs: number
  readonly sync: boolean
}
