import { log } from '../../../log.ts'
import type { UpdateRuntimeConfigRequest, UpdateRuntimeConfigResponse } from '../../wire/generated/runtime-v1.ts'
import type { Rpc } from '../rpc.ts'

/** The pod addresses of this node: CNI plugins are told by their own configuration. */
export const updateRuntimeConfig: Rpc<UpdateRuntimeConfigRequest, UpdateRuntimeConfigResponse> = async (_server, { runtimeConfig }) => {
  log.info(`the kubelet's pod CIDR is ${runtimeConfig?.networkConfig?.podCidr || 'not given'}`)
  return {}
}
