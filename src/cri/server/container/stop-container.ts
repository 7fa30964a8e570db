import { isFailure } from '../../../errors.ts'
import { stopContainer as stop } from '../../../engine/stop-container.ts'
import type { StopContainerRequest, StopContainerResponse } from '../../wire/generated/runtime-v1.ts'
import { findContainerFacts } from '../find.ts'
import type { Rpc } from '../rpc.ts'

/** Goes on to SIGKILL when the client is gone: it asked for the end. */
export const stopContainer: Rpc<StopContainerRequest, StopContainerResponse> = async (server, { containerId, timeout }) => {
  const facts = await findContainerFacts(server, containerId)
  if (facts) await stop(server.engine, facts.row.id, { timeoutSeconds: Math.max(0, Number(timeout)) }).catch((error: unknown) => {
    if (!isFailure(error, 'notFound')) throw error // removed meanwhile
  })
  return {}
}
