import type { IdRange, Propagation } from './request.ts'

/** A mount of the request with its source turned into a path of the host. */
export interface ResolvedMount {
  readonly type: 'bind' | 'tmpfs' | 'devpts' | 'mqueue' | 'overlay'
  /** Absolute path inside the container. */
  readonly target: string
  /** Host path; absent for tmpfs, devpts and mqueue. */
  readonly source?: string
  readonly readOnly?: boolean
  readonly recursiveReadOnly?: boolean
  readonly nonRecursive?: boolean
  readonly propagation?: Propagation
  /** Further options as the runtime takes them. */
  readonly options?: readonly string[]
  readonly idmap?: { readonly uids?: readonly IdRange[]; readonly gids?: readonly IdRange[] }
  readonly sizeBytes?: number
  readonly mode?: number
  readonly copyUp?: boolean
}
