export interface ServeSettings {
  /** Canonical names or digest references. */
  readonly pinnedImages: readonly string[]
}
