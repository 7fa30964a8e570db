import type { OciNamespace } from './oci-spec.ts'

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

/** The host's own are left out, as the specification wants it; the mount namespace is always private. */
export const buildNamespaces = (namespaces: ResolvedNamespaces, cgroupNamespaces: boolean): OciNamespace[] => [
  ...(['user', 'pid', 'network', 'ipc', 'uts', 'cgroup'] as const)
    .filter((type) => namespaces[type].kind !== 'host' && (type !== 'cgroup' || cgroupNamespaces))
    .map((type) => {
      const namespace = namespaces[type]
      return namespace.kind === 'path' ? { type, path: namespace.path } : { type }
    }),
  { type: 'mount' },
]
