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
  /** Made on first use: most commands never unpack, and what it loads costs them. */
  unpackers(): Promise<Unpackers>
  readonly options: StorageOptions
  readonly stallMs: number
  readonly sync: boolean
}
