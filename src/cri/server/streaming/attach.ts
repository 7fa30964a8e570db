import type { AttachRequest, AttachResponse } from '../../wire/generated/runtime-v1.ts'
import { needRunning } from '../find.ts'
import type { Rpc } from '../rpc.ts'
import { checkStreams } from './check-streams.ts'

export const attach: Rpc<AttachRequest, AttachResponse> = async (server, { containerId, ...streams }) => {
  checkStreams(streams)
  const { row } = await needRunning(server, containerId)
  return { url: server.streaming.url({ kind: 'attach', containerId: row.id, ...streams }) }
}
