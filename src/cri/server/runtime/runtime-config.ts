import { CgroupDriver, type RuntimeConfigRequest, type RuntimeConfigResponse } from '../../wire/generated/runtime-v1.ts'
import type { Rpc } from '../rpc.ts'

export const runtimeConfig: Rpc<RuntimeConfigRequest, RuntimeConfigResponse> = async ({ engine }) =>
  ({ linux: { cgroupDriver: engine.config.engine.cgroupManager === 'systemd' ? CgroupDriver.SYSTEMD : CgroupDriver.CGROUPFS } })
