import { isFailure } from '../../../errors.ts'
import { removeContainer as remove } from '../../../engine/remove-container.ts'
import type { RemoveContainerRequest, RemoveContainerResponse } from '../../wire/generated/runtime-v1.ts'
import { findContainerFacts } from '../find.ts'
import type { Rpc } from '../rpc.ts'

export const removeContainer: Rpc<RemoveContainerRequest, RemoveContainerResponse> = async (server, { containerId }) => {
  const facts = await findContainerFacts(server, containerId)
  if (facts) await remove(server.engine, facts.row.id, { force: true, volumes: true, stopTimeoutSeconds: 0 }).catch((error: unknown) => {
    if (!isFailure(error, 'notFound')) throw error
  })
  return {}
}
