import { detectCompression, makeDecompressor, type Decompressor } from './decompress.ts'

const PROBE = 6

/** The bytes decompressed where they are gzip or zstd. @throws invalid; unsupported for other compressions */
export async function* plainBytes(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let ready: Buffer[] = []
  let start: Buffer = Buffer.alloc(0)
  let decompressor: Decompressor | undefined
  const take = (): Buffer[] => { const taken = ready; ready = []; return taken }
  for await (const bytes of chunks) {
    const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    if (decompressor === undefined) {
      start = start.length === 0 ? chunk : Buffer.concat([start, chunk])
      if (start.length < PROBE) continue
      decompressor = makeDecompressor(detectCompression(start), (piece) => { ready.push(Buffer.from(piece)) })
      await decompressor.write(start)
    } else await decompressor.write(chunk)
    yield* take()
  }
  if (decompressor === undefined) return start.length > 0 ? yield start : undefined
  await decompressor.finish()
  yield* take()
}
