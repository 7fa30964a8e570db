// The few messages of containerd's own services that saving, loading and the progress of a pull need (containerd api/services/images/v1,
// content/v1 and leases/v1; api/types/descriptor.proto), by field number.
import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire'

type Fields = ReadonlyMap<number, readonly (bigint | Uint8Array)[]>

const [VARINT, BYTES] = [0, 2]

function fieldsOf(bytes: Uint8Array): Fields {
  const reader = new BinaryReader(bytes)
  const fields = new Map<number, (bigint | Uint8Array)[]>()
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag()
    if (type !== VARINT && type !== BYTES) { reader.skip(type); continue }
    const value = type === VARINT ? BigInt(reader.uint64()) : reader.bytes()
    fields.set(number, [...fields.get(number) ?? [], value])
  }
  return fields
}

const bytesOf = (fields: Fields, number: number): Uint8Array => { const value = fields.get(number)?.at(-1); return value instanceof Uint8Array ? value : new Uint8Array() }
const textOf = (fields: Fields, number: number): string => Buffer.from(bytesOf(fields, number)).toString('utf8')
const numberOf = (fields: Fields, number: number): bigint => { const value = fields.get(number)?.at(-1); return typeof value === 'bigint' ? value : 0n }

const tag = (writer: BinaryWriter, number: number, type: number): BinaryWriter => writer.uint32((number << 3 | type) >>> 0)
const text = (writer: BinaryWriter, number: number, value: string): BinaryWriter => (value === '' ? writer : tag(writer, number, BYTES).string(value))
const integer = (writer: BinaryWriter, number: number, value: bigint): BinaryWriter => (value === 0n ? writer : tag(writer, number, VARINT).int64(value))
const message = (writer: BinaryWriter, number: number, value: Uint8Array): BinaryWriter => tag(writer, number, BYTES).bytes(value)
const labels = (writer: BinaryWriter, number: number, pairs: Readonly<Record<string, string>>): BinaryWriter =>
  Object.entries(pairs).reduce((into, [key, value]) => message(into, number, text(text(new BinaryWriter(), 1, key), 2, value).finish()), writer)

export interface Target { readonly mediaType: string; readonly digest: string; readonly size: number }
export interface NamedImage { readonly name: string; readonly target: Target }

const target = ({ mediaType, digest, size }: Target): Uint8Array => integer(text(text(new BinaryWriter(), 1, mediaType), 2, digest), 3, BigInt(size)).finish()
const image = ({ name, target: at, labels: pairs = {} }: NamedImage & { readonly labels?: Readonly<Record<string, string>> }): Uint8Array =>
  message(labels(text(new BinaryWriter(), 1, name), 2, pairs), 3, target(at)).finish()

/** `{ name = 1 }`: images.Get. */
export const byName = (name: string): Uint8Array => text(new BinaryWriter(), 1, name).finish()
/** `{ image = 1 }`: images.Create and Update. */
export const withImage = (one: Parameters<typeof image>[0]): Uint8Array => message(new BinaryWriter(), 1, image(one)).finish()

export function imageIn(answer: Uint8Array): NamedImage {
  const found = fieldsOf(bytesOf(fieldsOf(answer), 1))
  const at = fieldsOf(bytesOf(found, 3))
  return { name: textOf(found, 1), target: { mediaType: textOf(at, 1), digest: textOf(at, 2), size: Number(numberOf(at, 3)) } }
}

/** content.Read: `{ digest = 1, offset = 2, size = 3 }`. */
export const readRequest = (digest: string, offset: number): Uint8Array => integer(text(new BinaryWriter(), 1, digest), 2, BigInt(offset)).finish()
export const dataIn = (answer: Uint8Array): Uint8Array => bytesOf(fieldsOf(answer), 2)

export const [STAT, WRITE, COMMIT] = [0, 1, 2] as const

export interface WriteRequest {
  readonly action: typeof STAT | typeof WRITE | typeof COMMIT
  readonly ref: string
  readonly total: number
  readonly expected: string
  readonly offset: number
  readonly data?: Uint8Array
  readonly labels?: Readonly<Record<string, string>>
}

/** content.Write. */
export function writeRequest({ action, ref, total, expected, offset, data = new Uint8Array(), labels: pairs = {} }: WriteRequest): Uint8Array {
  const head = integer(text(integer(text(integer(new BinaryWriter(), 1, BigInt(action)), 2, ref), 3, BigInt(total)), 4, expected), 5, BigInt(offset))
  return labels(data.length > 0 ? message(head, 6, data) : head, 7, pairs).finish()
}
export const offsetIn = (answer: Uint8Array): number => Number(numberOf(fieldsOf(answer), 4))

/** What is being written into the store, or was left in the middle. */
export interface Ingest { readonly ref: string; readonly offset: number; readonly total: number }

/** content.ListStatuses: `{ statuses = 1 }` of `{ ref = 3, offset = 4, total = 5 }`. */
export const ingestsIn = (answer: Uint8Array): Ingest[] => (fieldsOf(answer).get(1) ?? []).flatMap((each) => {
  if (!(each instanceof Uint8Array)) return []
  const fields = fieldsOf(each)
  return [{ ref: textOf(fields, 3), offset: Number(numberOf(fields, 4)), total: Number(numberOf(fields, 5)) }]
})

/** leases.Create and Delete: `{ id = 1, labels = 3 }`. */
export const leaseRequest = (id: string, pairs: Readonly<Record<string, string>> = {}): Uint8Array => labels(text(new BinaryWriter(), 1, id), 3, pairs).finish()
