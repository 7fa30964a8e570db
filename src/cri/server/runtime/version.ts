import type { VersionRequest, VersionResponse } from '../../wire/generated/runtime-v1.ts'
import type { Rpc } from '../rpc.ts'

/** Of the kubelet's own runtime API; it refuses any other. */
const KUBELET_API = '0.1.0'

export const version = (api: 'v1' | 'v1alpha2'): Rpc<VersionRequest, VersionResponse> => async (server) =>
  ({ version: KUBELET_API, runtimeName: 'scow', runtimeVersion: server.version, runtimeApiVersion: api })
