import { Failure } from '../../../errors.ts'
import { execInPodContainer } from '../../../engine/pod-container-process.ts'
import type { ExecSyncRequest, ExecSyncResponse } from '../../wire/generated/runtime-v1.ts'
import { needNoNul } from '../convert/check.ts'
import { needRunning } from '../find.ts'
import type { Rpc } from '../rpc.ts'

const MAX_OUTPUT_BYTES = 16 * 2 ** 20

export const execSync: Rpc<ExecSyncRequest, ExecSyncResponse> = async (server, { containerId, cmd, timeout }, { signal }) => {
  if (cmd.length === 0) throw new Failure('invalid', 'the request has no command')
  needNoNul(cmd, 'the command')
  const { row } = await needRunning(server, containerId)
  const { exitCode, stdout, stderr } = await execInPodContainer(server.engine, row.id, {
    command: cmd, maxOutputBytes: MAX_OUTPUT_BYTES, signal, ...(timeout > 0n ? { timeoutMs: Number(timeout) * 1000 } : {}),
  })
  return { exitCode, stdout, stderr }
}
