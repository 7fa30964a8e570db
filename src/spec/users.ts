/** The user of a container's process, looked up in the image's own files. */
export interface ResolvedUser {
  readonly uid: number
  readonly gid: number
  readonly additionalGids: readonly number[]
  /** Absent when the uid has no entry in /etc/passwd. */
  readonly name?: string
  /** `/` when the uid has no entry. */
  readonly home: string
}
