export interface ServeSettings {
  /** Where clients connect for exec, attach and port-forward; port 0 is any. */
  readonly streaming: { readonly address: string; readonly port: number }
  /** Canonical names or digest references. */
  readonly pinnedImages: readonly string[]
}
