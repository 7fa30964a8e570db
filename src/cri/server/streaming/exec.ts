import { Failure } from '../../../errors.ts'
import type { ExecRequest, ExecResponse } from '../../wire/generated/runtime-v1.ts'
import { needNoNul } from '../convert/check.ts'
import { needRunning } from '../find.ts'
import type { Rpc } from '../rpc.ts'
import { checkStreams } from './check-streams.ts'

/** Gives an address; the process starts when the client has connected to it. */
export const exec: Rpc<ExecRequest, ExecResponse> = async (server, { containerId, cmd, ...streams }) => {
  if (cmd.length === 0) throw new Failure('invalid', 'the request has no command')
  needNoNul(cmd, 'the command')
  checkStreams(streams)
  const { row } = await needRunning(server, containerId)
  return { url: server.streaming.url({ kind: 'exec', containerId: row.id, command: cmd, ...streams }) }
}
