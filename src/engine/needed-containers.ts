import type { ContainerRequest, NamespaceMode } from '../spec/request.ts'

type Needing = Pick<ContainerRequest, 'network' | 'namespaces' | 'requires'>

/** The containers whose namespaces a container joins or that it requires, each once, as they are named in there. */
export function neededContainers({ network, namespaces, requires = [] }: Needing): string[] {
  const joined = [network, ...Object.values(namespaces) as (NamespaceMode | undefined)[]].flatMap((mode) => (mode?.kind === 'container' ? [mode.id] : []))
  return [...new Set([...joined, ...requires])]
}

/** The same request with other names for those containers. */
export function withNeeded<T extends Needing>(request: T, nameOf: (name: string) => string): T {
  const renamed = <M extends { readonly kind: string }>(mode: M): M => (mode.kind === 'container' && 'id' in mode ? { ...mode, id: nameOf(mode.id as string) } : mode)
  return {
    ...request, network: renamed(request.network),
    namespaces: Object.fromEntries(Object.entries(request.namespaces).map(([type, mode]) => [type, mode && renamed(mode)])) as T['namespaces'],
    ...(request.requires ? { requires: request.requires.map(nameOf) } : {}),
  }
}
