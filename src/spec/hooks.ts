import type { HookStage, OciHook } from './oci-spec.ts'

/** One file of a hooks.d directory, version 1.0.0. */
export interface HookFile {
  readonly version: '1.0.0'
  readonly hook: OciHook
  readonly when: {
    readonly always?: boolean | undefined
    readonly annotations?: Readonly<Record<string, string>> | undefined
    readonly commands?: readonly string[] | undefined
    readonly hasBindMounts?: boolean | undefined
  }
  readonly stages: readonly HookStage[]
}
