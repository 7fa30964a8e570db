// The store of one installation: compressed blobs, unpacked layers and the root file systems of containers.
// Everything becomes visible by one rename of something complete; what a killed process left lies in
// partials (resumed) or staging (cleared by `recover`).
import type { Digest } from '../image/digest.ts'
import type { Paths } from '../paths.ts'
import type { IdMappings } from '../sys/addon.ts'
import { makeStorage } from './make-storage.ts'

/** What a manifest says of a blob; an OCI descriptor fits. */
export interface BlobDescriptor {
  readonly mediaType: string
  readonly digest: Digest
  /** Bytes as stored and sent, compressed. */
  readonly size: number
}

/** Opens the blob's bytes from `offsetBytes` to its end. Called at most a few times per ingest, never for bytes already on disk. */
export type OpenBlob = (offsetBytes: number, signal: AbortSignal) => Promise<AsyncIterable<Uint8Array>>

export interface BlobSource {
  readonly descriptor: BlobDescriptor
  readonly open: OpenBlob
  /** The bytes that came were wrong. @returns whether the next `open` asks another place */
  readonly distrust?: () => Promise<boolean>
}

export interface LayerSource extends BlobSource {
  /** From the image config; a tree that differs is refused. Absent for schema 1, where it is found out. */
  readonly diffId?: Digest
  /** When known: a layer that another process commits while we wait for its blob is taken as it is. */
  readonly chainId?: Digest
}

export interface Progress {
  readonly phase: 'waiting' | 'downloading' | 'unpacking' | 'done'
  /** Compressed bytes on disk so far; those of an earlier, killed pull count. */
  readonly receivedBytes: number
  readonly totalBytes: number
}

export interface IngestOptions {
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: Progress) => void
}

export interface Blobs {
  /** `sizeBytes`, where known, tells a file that was cut short. */
  has(digest: Digest, sizeBytes?: number): Promise<boolean>
  /** Whether compressed layers stay once they are unpacked. */
  readonly keepsLayers: boolean
  /** Where the blob lies or would lie. */
  path(digest: Digest): string
  /** Whole content, verified. Failure notFound; invalid when larger than `maxBytes` or damaged (a damaged blob is removed). */
  read(digest: Digest, maxBytes: number): Promise<Buffer>
  /** Durable when it returns; idempotent, and replaces a file of another size. For manifests and configs. */
  put(bytes: Uint8Array): Promise<Digest>
  /** Like `layers.ingest` without unpacking: resumed, verified, downloaded once across processes. A file of another size is replaced. */
  fetch(source: BlobSource, options?: IngestOptions): Promise<void>
  /** Idempotent. */
  remove(digest: Digest): Promise<void>
  list(): Promise<{ digest: Digest, sizeBytes: number }[]>
  /** Of blobs that are on their way, and of those whose pull ended in the middle: they are not in the list. */
  partialBytes(): Promise<number>
}

/** An unpacked layer, visible and immutable. */
export interface Layer {
  readonly chainId: Digest
  readonly diffId: Digest
  readonly parent: Digest | undefined
  readonly blob: { readonly digest: Digest, readonly size: number, readonly mediaType: string }
  /** Sum of the layer's regular files, hard links counted once. */
  readonly sizeBytes: number
  readonly entries: number
  /** Directory of the tree, with the driver's whiteouts in it. */
  readonly tree: string
}

/** A blob that is on disk and verified, and its tree in staging. Ends by `commit` or `discard`, or with the process. */
export interface Ingested {
  readonly descriptor: BlobDescriptor
  readonly diffId: Digest
  readonly sizeBytes: number
  readonly entries: number
  /** Bytes that came from `open`, 0 where everything was on disk. */
  readonly fetchedBytes: number
  /** Removes the staged tree; the blob stays. Idempotent, and harmless after commit. */
  discard(): Promise<void>
}

export interface LayerCommit {
  readonly ingested: Ingested
  /** chainId(parent, ingested.diffId) becomes the layer's name. */
  readonly parent: Digest | undefined
}

export interface Layers {
  find(chainId: Digest): Promise<Layer | undefined>
  /**
   * Bytes -> partial blob, digest, decompression, diff id and tree in one pass. Any number at once: each
   * unpacks in the calling thread or a worker. Resumes what an earlier process left. A second process that wants
   * the same blob waits for it alone, takes over when the holder dies, and downloads itself when the holder stalls.
   * Failures: invalid (digest, size, archive; names blob and entry), cancelled, unavailable (from `open`).
   * On failure no tree is left, and the partial stays only where it can be resumed.
   */
  ingest(source: LayerSource, options?: IngestOptions): Promise<Ingested>
  /** `commitAll` of one. */
  commit(ingested: Ingested, parent: Digest | undefined): Promise<Layer>
  /**
   * Settles each tree against its parents (inherited directories, links into lower layers, symlinked parents), syncs
   * once, and renames them into place, bottom first. Idempotent: an existing layer is returned and the staged tree dropped.
   * Parents are either committed or come earlier in the list.
   */
  commitAll(commits: readonly LayerCommit[]): Promise<Layer[]>
  /** Whether an image has something at `path`, links followed inside it. `chainIds`: top last. Failure notFound (a layer). */
  has(chainIds: readonly Digest[], path: string): Promise<boolean>
  /** As `has`: the text of a file; undefined where there is nothing. Failure invalid when it is no regular file or bigger than `maxBytes`. */
  text(chainIds: readonly Digest[], file: { readonly path: string; readonly maxBytes: number }): Promise<string | undefined>
  /** Unpacks a damaged or missing tree anew from the kept blob. Failure notFound when the blob is gone. */
  rebuild(chainId: Digest): Promise<Layer>
  /** Idempotent. Failure inUse while another layer or a container stands on it. */
  remove(chainId: Digest): Promise<void>
  /** One whose record cannot be read is not in it. */
  list(): Promise<Layer[]>
  /** Directories of layers whose record is missing or damaged: `remove` takes them, a commit of the same layer replaces them. */
  broken(): Promise<Digest[]>
}

export interface CreateOptions {
  /** The container's own user namespace: owners in the image show shifted in its root. Failure unsupported where the kernel or file system can't. */
  readonly idmap?: IdMappings
  /** The writable layer needn't survive a crash of the machine: no syncs. For --rm. */
  readonly volatile?: boolean
}

export interface MountOptions {
  readonly readOnly?: boolean
  /** SELinux label for the whole mount (`context=`). */
  readonly label?: string
}

export interface ContainerLayers {
  /** Makes the writable layer. `chainIds` lists the image's layers, top last; may be empty. Failure exists, notFound (a layer). */
  create(id: string, chainIds: readonly Digest[], options?: CreateOptions): Promise<void>
  /** Mounts the root file system and returns its path; idempotent. Failure inUse names the holder of an upper that is mounted elsewhere. */
  mount(id: string, options?: MountOptions): Promise<string>
  /** Where `mount` puts the root. */
  rootPath(id: string): string
  /** Idempotent; detaches lazily when busy. */
  unmount(id: string): Promise<void>
  /** Unmounts and removes the writable layer; idempotent. Other files of the container's directory stay. */
  remove(id: string): Promise<void>
  /** Of the writable layer: bytes of its regular files and number of its files, each counted once. Walks it. */
  usage(id: string): Promise<{ bytes: number; inodes: number }>
  upperDir(id: string): string
  /** The layers that a container stands on, top last. Failure notFound. */
  layersOf(id: string): Promise<Digest[]>
  /** Ids that have a writable layer. */
  list(): Promise<string[]>
  /** Image read-only at `target`, an existing directory. */
  mountImage(chainIds: readonly Digest[], target: string, options?: { readonly idmap?: IdMappings; readonly label?: string }): Promise<void>
  unmountImage(target: string): Promise<void>
}

export type DriverName = 'overlay' | 'vfs'

export interface StorageOptions {
  /** Most bytes one layer may unpack to; otherwise what is free on the file system. */
  readonly maxUnpackedBytes?: number
  /** Most entries of one layer; 10 million unless told. */
  readonly maxEntries?: number
  /** After this long without growth another process's partial counts as stalled; 10 s unless told. */
  readonly stallMs?: number
  /** Unpack in the calling thread where it is free (true, the default); a server says false. */
  readonly inline?: boolean
  /** False leaves out all syncs: for throw-away stores. */
  readonly sync?: boolean
  /** False drops compressed blobs of layers once they are unpacked. */
  readonly keepBlobs?: boolean
  /** Of every overlay mount: nodev, nosuid, noexec, noatime. */
  readonly mountOptions?: readonly string[]
}

/** Folders of containers and pods outside of the store. With many mounts on the host even to look for theirs takes long. */
export interface Trees {
  /** All at and below `path`; nothing mounted is fine. */
  unmount(path: string): Promise<void>
  /** Nothing there is fine. Failure inUse, before anything is touched, while something is mounted below. */
  remove(path: string): Promise<void>
}

export interface Storage {
  readonly driver: DriverName
  readonly blobs: Blobs
  readonly layers: Layers
  readonly containers: ContainerLayers
  readonly trees: Trees
  /** Clears the staging of dead processes and partials of blobs that are there. Idempotent; safe beside running pulls. */
  recover(): Promise<void>
  /** Why overlay can't be used here, or undefined. `scow info` shows it. */
  overlayProblem(): Promise<string | undefined>
  /** Why owners can't be shifted here for user namespaces, or undefined. Tries it. */
  idmapProblem(): Promise<string | undefined>
  /** Ends workers and drops this process's staging. */
  close(): Promise<void>
}

export interface StorageSetup {
  readonly paths: Paths
  /** Default: overlay. Failure unsupported when the kernel or file system can't. */
  readonly driver?: DriverName
  readonly options?: StorageOptions
  /** SELinux label of the trees: what a process maps of an overlay is checked against the file below it. */
  readonly label?: string
}

/** Opens the store, making its directories where they lack. Cheap: no worker, no mount, no walk but to label what was there before. */
export const openStorage = (setup: StorageSetup): Promise<Storage> => makeStorage(setup)
