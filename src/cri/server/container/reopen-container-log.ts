import { reopenPodContainerLog } from '../../../engine/pod-container-log.ts'
import type { ReopenContainerLogRequest, ReopenContainerLogResponse } from '../../wire/generated/runtime-v1.ts'
import { needRunning } from '../find.ts'
import type { Rpc } from '../rpc.ts'

export const reopenContainerLog: Rpc<ReopenContainerLogRequest, ReopenContainerLogResponse> = async (server, { containerId }) => {
  const { row } = await needRunning(server, containerId)
  await reopenPodContainerLog(server.engine, row.id)
  return {}
}
