import { Failure } from '../errors.ts'
import type { ResolvedNamespace, ResolvedNamespaces } from '../spec/namespaces.ts'
import type { NamespaceMode } from '../spec/request.ts'
import type { Container } from '../state/containers.ts'
import type { Engine } from './engine.ts'
import { runningProcess } from './find-container.ts'
import { needNamespace, type NamespaceKind } from './need-namespace.ts'

type Parts = Pick<Engine, 'paths' | 'self' | 'state'>

/** Names of containers become paths of their namespaces. @throws notFound, wrongState when that container doesn't run, invalid or denied for a path that cannot be joined */
export async function resolveNamespaces(engine: Parts, { record }: Pick<Container, 'record'>, network: ResolvedNamespace): Promise<ResolvedNamespaces> {
  const { pid, ipc, uts, cgroup, user } = record.request.namespaces
  return {
    network,
    pid: await resolve(engine, 'pid', pid),
    ipc: await resolve(engine, 'ipc', ipc),
    uts: await resolve(engine, 'uts', uts),
    cgroup: await resolve(engine, 'cgroup', cgroup),
    user: user ? await resolve(engine, 'user', user) : { kind: 'host' },
  }
}

async function resolve(engine: Parts, file: NamespaceKind, mode: NamespaceMode): Promise<ResolvedNamespace> {
  switch (mode.kind) {
    case 'host': return { kind: 'host' }
    case 'path':
      needNamespace(file, mode.path)
      return { kind: 'path', path: mode.path }
    case 'container': {
      const other = await engine.state.containers.find(mode.id)
      if (file === 'ipc' && ['none', 'private'].includes(other.record.request.namespaces.ipc.kind)) {
        throw new Failure('invalid', `--ipc container:${mode.id}: that container's IPC namespace is not shareable`, { hint: 'create it with --ipc shareable' })
      }
      return { kind: 'path', path: `/proc/${runningProcess(engine, other, `${file} namespace: `).pid}/ns/${file}` }
    }
    default: return { kind: 'private' }
  }
}
