/** A seccomp profile in the format that docker and podman share, as checked by `parseSeccompProfile`. */
export interface SeccompProfile {
  readonly defaultAction: string
  readonly defaultErrnoRet?: number | undefined
  readonly defaultErrno?: string | undefined
  readonly architectures?: readonly string[] | undefined
  readonly archMap?: readonly { readonly architecture: string; readonly subArchitectures: readonly string[] }[] | undefined
  readonly flags?: readonly string[] | undefined
  readonly listenerPath?: string | undefined
  readonly listenerMetadata?: string | undefined
  readonly syscalls: readonly SeccompEntry[]
}

export interface SeccompEntry {
  readonly names: readonly string[]
  readonly action: string
  readonly errnoRet?: number | undefined
  readonly errno?: string | undefined
  readonly args?: readonly { readonly index: number; readonly value: number; readonly valueTwo?: number | undefined; readonly op: string }[] | undefined
  readonly includes?: SeccompFilter | undefined
  readonly excludes?: SeccompFilter | undefined
}

export interface SeccompFilter {
  readonly caps?: readonly string[] | undefined
  readonly arches?: readonly string[] | undefined
  /** `major.minor` */
  readonly minKernel?: string | undefined
}
