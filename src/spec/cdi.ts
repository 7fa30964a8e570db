/** A CDI specification file as parsed and checked by `parseCdiSpec`. */
export interface CdiSpec {
  /** vendor.com/class */
  readonly kind: string
  readonly devices: readonly { readonly name: string; readonly containerEdits: CdiEdits }[]
  readonly containerEdits: CdiEdits
}

export interface CdiEdits {
  readonly env?: readonly string[] | undefined
  readonly deviceNodes?: readonly CdiDeviceNode[] | undefined
  readonly mounts?: readonly { readonly hostPath: string; readonly containerPath: string; readonly type?: string | undefined; readonly options?: readonly string[] | undefined }[] | undefined
  readonly hooks?: readonly { readonly hookName: string; readonly path: string; readonly args?: readonly string[] | undefined; readonly env?: readonly string[] | undefined; readonly timeout?: number | undefined }[] | undefined
  readonly additionalGids?: readonly number[] | undefined
}

export interface CdiDeviceNode {
  readonly path: string
  readonly hostPath?: string | undefined
  readonly type?: 'c' | 'b' | 'u' | 'p' | undefined
  readonly major?: number | undefined
  readonly minor?: number | undefined
  readonly fileMode?: number | undefined
  readonly permissions?: string | undefined
  readonly uid?: number | undefined
  readonly gid?: number | undefined
}
