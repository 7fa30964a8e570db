import type { PodRow } from '../pod/pod-row.ts'
import type { Remote } from './client.ts'
import { listRows, toMs } from './rows.ts'

export interface RemotePod extends PodRow {
  readonly namespace: string
  readonly annotations: Readonly<Record<string, string>>
}

const READY = 0

/** Oldest first. The CRI tells neither their pause process nor their networks. */
export async function remotePods(remote: Remote): Promise<RemotePod[]> {
  const { runtime, wire } = remote
  const [{ items }, rows] = await Promise.all([runtime.call(wire.RuntimeServiceService.listPodSandbox, wire.ListPodSandboxRequest.fromPartial({})), listRows(remote)])
  return [...items].sort((a, b) => Number(a.createdAt - b.createdAt)).map(({ id, metadata, createdAt, state, labels, annotations }) => ({
    id, name: metadata?.name ?? '', namespace: metadata?.namespace ?? '', createdAtMs: toMs(createdAt), isReady: state === READY, labels, annotations, infraId: '', networks: [],
    containers: rows.filter(({ podId }) => podId === id),
  }))
}
