// How a namespace is asked for, by a flag or in containers.conf.
import type { NamespaceMode } from './spec/request.ts'

/** What `namespaceMode` takes, for people. */
export const namespaceModes = (ofIpc: boolean): string => `private, host, container:NAME or ns:/PATH${ofIpc ? ', shareable or none' : ''}`

/** Of the PID, UTS and cgroup namespace, or (`ofIpc`) of that of IPC; empty is private. undefined: it is none. */
export function namespaceMode(text: string, ofIpc: boolean): NamespaceMode | undefined {
  if (text === 'private' || text === 'host') return { kind: text }
  if (text === '') return { kind: 'private' }
  if (ofIpc && (text === 'shareable' || text === 'none')) return { kind: text }
  if (text.startsWith('container:') && text.length > 'container:'.length) return { kind: 'container', id: text.slice('container:'.length) }
  if (text.startsWith('ns:/')) return { kind: 'path', path: text.slice('ns:'.length) }
  return undefined
}
