// containerd's own store of content, over the socket on which it speaks the CRI too. Images are put where its CRI looks
// for them: into the namespace k8s.io, under a lease until they have a name.
import { randomUUID } from 'node:crypto'
import { Client, Metadata, credentials, status, type ServiceError } from '@grpc/grpc-js'
import { Failure } from '../../errors.ts'
import type { Endpoint } from './endpoint.ts'
import { byName, COMMIT, dataIn, imageIn, ingestsIn, leaseRequest, offsetIn, readRequest, STAT, withImage, WRITE, writeRequest, type Ingest, type NamedImage, type Target, type WriteRequest } from './containerd-wire.ts'

export interface Blob extends Target {
  readonly open: () => Promise<AsyncIterable<Uint8Array>>
  /** What it needs, for containerd's collection of garbage: `containerd.io/gc.ref.content.N`. */
  readonly needs?: readonly string[]
}

export interface ContainerdStore {
  /** @throws notFound */
  image(name: string): Promise<NamedImage>
  read(digest: string, offset: number): AsyncGenerator<Uint8Array>
  has(digest: string): Promise<boolean>
  /** All that is being written, by whomever. */
  ingests(): Promise<Ingest[]>
  /** Idempotent. @throws invalid: the bytes do not have the digest */
  write(blob: Blob): Promise<void>
  /** Names it, or moves the name to it. */
  name(image: NamedImage): Promise<void>
  /** Keeps what is written meanwhile from being collected. */
  leased<T>(work: () => Promise<T>): Promise<T>
  close(): void
}

const NAMESPACE = 'k8s.io'
const CHUNK = 1 << 20
const DEADLINE_MS = 60_000
/** As containerd's CRI marks what it looks after. */
const MANAGED = { 'io.cri-containerd.image': 'managed' }
const raw = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

export function openContainerdStore({ address, path, host, port }: Endpoint): ContainerdStore {
  const client = new Client(path === undefined ? `${host}:${port}` : address, credentials.createInsecure(), { 'grpc.default_authority': 'localhost', 'grpc.max_receive_message_length': -1 })
  let lease = ''
  const metadata = (): Metadata => {
    const made = new Metadata()
    made.set('containerd-namespace', NAMESPACE)
    if (lease !== '') made.set('containerd-lease', lease)
    return made
  }
  const call = (method: string, request: Uint8Array): Promise<Uint8Array> => new Promise((resolve, reject) => {
    client.makeUnaryRequest(`/containerd.services.${method}`, raw, (bytes) => bytes, request, metadata(), { deadline: Date.now() + DEADLINE_MS }, (error, answer) => (error ? reject(failureOf(error, address)) : resolve(answer!)))
  })
  async function* read(digest: string, offset: number): AsyncGenerator<Uint8Array> {
    const stream = client.makeServerStreamRequest('/containerd.services.content.v1.Content/Read', raw, (bytes: Buffer) => dataIn(bytes), readRequest(digest, offset), metadata(), {})
    try {
      for await (const data of stream) yield data as Uint8Array
    } catch (error) {
      throw failureOf(error as ServiceError, address)
    } finally {
      stream.cancel()
    }
  }
  const has = (digest: string): Promise<boolean> => call('content.v1.Content/Info', byName(digest)).then(() => true, (error: unknown) => { if (error instanceof Failure && error.kind === 'notFound') return false; throw error })
  return {
    image: async (name) => imageIn(await call('images.v1.Images/Get', byName(name))),
    read, has,
    ingests: async () => ingestsIn(await call('content.v1.Content/ListStatuses', new Uint8Array())),
    async write(blob) {
      if (await has(blob.digest)) return
      const stream = client.makeBidiStreamRequest('/containerd.services.content.v1.Content/Write', raw, (bytes: Buffer) => bytes, metadata(), {})
      try {
        await writeBlob(blob, stream)
      } catch (error) {
        if ((error as ServiceError).code !== status.ALREADY_EXISTS) throw failureOf(error as ServiceError, address)
      } finally {
        stream.cancel()
      }
    },
    async name(image) {
      const request = withImage({ ...image, labels: MANAGED })
      await call('images.v1.Images/Create', request).catch(async (error: unknown) => {
        if (!(error instanceof Failure) || error.kind !== 'exists') throw error
        await call('images.v1.Images/Update', request)
      })
    },
    async leased(work) {
      const id = `scow-${randomUUID()}`
      await call('leases.v1.Leases/Create', leaseRequest(id, { 'containerd.io/gc.expire': new Date(Date.now() + 24 * 3_600_000).toISOString() }))
      lease = id
      try {
        return await work()
      } finally {
        lease = ''
        await call('leases.v1.Leases/Delete', leaseRequest(id)).catch(() => {})
      }
    },
    close: () => client.close(),
  }
}

type Duplex = AsyncIterable<Buffer> & { write(bytes: Uint8Array): boolean }

/** One piece after the other, each acknowledged: that bounds what is in memory. */
async function writeBlob({ digest, size, open, needs = [] }: Blob, stream: Duplex): Promise<void> {
  const answers = stream[Symbol.asyncIterator]()
  const base = { ref: `scow-${digest}`, total: size, expected: digest }
  const send = async (request: Omit<WriteRequest, 'ref' | 'total' | 'expected'>): Promise<Uint8Array> => {
    stream.write(writeRequest({ ...base, ...request }))
    const { value, done } = await answers.next()
    if (done) throw new Failure('unavailable', `containerd ended the write of ${digest} too early`)
    return value as Uint8Array
  }
  // an import that was killed may have left the first part of it: it is written over
  offsetIn(await send({ action: STAT, offset: 0 }))
  let offset = 0
  for await (const bytes of await open()) {
    for (let at = 0; at < bytes.length; at += CHUNK) {
      const data = bytes.subarray(at, at + CHUNK)
      await send({ action: WRITE, offset, data })
      offset += data.length
    }
  }
  await send({ action: COMMIT, offset, labels: Object.fromEntries(needs.map((need, at) => [`containerd.io/gc.ref.content.${at}`, need])) })
}

function failureOf(error: ServiceError | Failure, address: string): Failure {
  if (error instanceof Failure) return error
  if (typeof error.code !== 'number') throw error
  const kind = error.code === status.NOT_FOUND ? 'notFound' : error.code === status.ALREADY_EXISTS ? 'exists' : error.code === status.FAILED_PRECONDITION || error.code === status.INVALID_ARGUMENT ? 'invalid' : error.code === status.UNIMPLEMENTED ? 'unsupported' : 'unavailable'
  return new Failure(kind, `${error.details} (containerd at ${address})`, { cause: error })
}
