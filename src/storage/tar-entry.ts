export interface SparseSegment {
  readonly offset: number
  readonly length: number
}

export type EntryType = 'file' | 'link' | 'symlink' | 'character' | 'block' | 'directory' | 'fifo'

/** One member of an archive with everything applied that came before it. Names are byte strings (latin1), as found. */
export interface TarEntry {
  readonly type: EntryType
  readonly name: string
  /** Target of a link or symlink. */
  readonly linkName: string
  /** Bytes of the file when unpacked. */
  readonly size: number
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly mtimeNs: bigint
  readonly devMajor: number
  readonly devMinor: number
  readonly xattrs: ReadonlyMap<string, Buffer>
  /** Where the stored bytes belong, ascending; undefined for a plain file. */
  readonly sparse: readonly SparseSegment[] | undefined
}

/** Receives an archive in order. `data` is called only for files, with the stored bytes. */
export interface TarSink {
  begin(entry: TarEntry): void
  data(chunk: Buffer, start: number, end: number): void
  end(): void
}
