/** A device node of the host. */
export interface DeviceNode {
  readonly path: string
  readonly type: 'c' | 'b' | 'p'
  readonly major: number
  readonly minor: number
  readonly fileMode: number
  readonly uid: number
  readonly gid: number
}

/** A host device (or each of a directory) as it shall appear inside. */
export interface ResolvedDevice extends DeviceNode {
  /** Path inside the container. */
  readonly target: string
  /** Any of r, w, m. */
  readonly permissions: string
}
