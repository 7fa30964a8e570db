import { Failure } from '../../../errors.ts'
import type { PortForwardRequest, PortForwardResponse } from '../../wire/generated/runtime-v1.ts'
import { needWithin } from '../convert/check.ts'
import { needPod } from '../find.ts'
import type { Rpc } from '../rpc.ts'

export const portForward: Rpc<PortForwardRequest, PortForwardResponse> = async (server, { podSandboxId, port }) => {
  for (const each of port) needWithin(each, [1, 65_535], 'a port of the pod')
  const { view } = await needPod(server, podSandboxId)
  if (!view.ready) throw new Failure('wrongState', `pod sandbox "${podSandboxId}" is not ready`)
  return { url: server.streaming.url({ kind: 'portforward', podId: view.pod.id, ports: port }) }
}
