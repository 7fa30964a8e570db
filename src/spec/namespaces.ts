/** A namespace as the runtime gets it: made anew, the host's own, or joined by path. */
export type ResolvedNamespace = { readonly kind: 'private' | 'host' } | { readonly kind: 'path'; readonly path: string }

export interface ResolvedNamespaces {
  readonly pid: ResolvedNamespace
  readonly ipc: ResolvedNamespace
  readonly uts: ResolvedNamespace
  readonly cgroup: ResolvedNamespace
  readonly network: ResolvedNamespace
  readonly user: ResolvedNamespace
}
