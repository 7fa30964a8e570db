// Clients of older gRPC libraries (kubelets and crictl up to 1.26) name the socket's path as the :authority of a request.
// Node's HTTP/2 refuses a slash there with PROTOCOL_ERROR before anybody is asked. In HPACK's code a dash takes as many
// bits as a slash, so the name can be mended on its way without a length changing.
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { huffman } from '../wire/hpack-text.ts'

const PREFACE_BYTES = 24
const FRAME_HEADER_BYTES = 9
const HEADERS = 1

interface Mending { readonly bad: Buffer; readonly good: Buffer }

/** What a client may call the socket at `path`, with what it is turned into. */
export function mendings(path: string): Mending[] {
  return [path, `unix://${path}`, `unix:${path}`].flatMap((name) => {
    const harmless = name.replaceAll('/', '-')
    const coded = [huffman(name), huffman(harmless)] as const
    return [{ bad: Buffer.from(name), good: Buffer.from(harmless) }, ...(coded[0] && coded[1] ? [{ bad: coded[0], good: coded[1] }] : [])]
  })
}

/** The connection, with the names of its requests mended. */
export function mendAuthority(socket: Socket, names: readonly Mending[]): Duplex {
  const filter = headerFilter((headers) => {
    for (const { bad, good } of names) {
      const at = headers.indexOf(bad)
      if (at >= 0) return void good.copy(headers, at)
    }
  })
  const mended = new Duplex({
    read: () => { socket.resume() },
    write: (chunk: Buffer, _encoding, done) => { socket.write(chunk, done) },
    writev: (chunks, done) => { socket.write(Buffer.concat(chunks.map(({ chunk }) => chunk as Buffer)), done) },
    final: (done) => { socket.end(done) },
    destroy: (error, done) => {
      socket.destroy()
      done(error)
    },
  })
  socket.on('data', (chunk: Buffer) => {
    for (const part of filter(chunk)) if (!mended.push(part)) socket.pause()
  })
  socket.on('end', () => mended.push(null))
  socket.on('error', (error) => mended.destroy(error))
  socket.on('close', () => mended.destroy())
  return mended
}

/** Passes bytes on as they come, but each HEADERS frame whole and through `mend`. */
function headerFilter(mend: (headers: Buffer) => void): (chunk: Buffer) => Buffer[] {
  let held: Buffer = Buffer.alloc(0)
  let passing = PREFACE_BYTES
  return (chunk) => {
    const parts: Buffer[] = []
    let rest = held.length ? Buffer.concat([held, chunk]) : chunk
    while (rest.length > 0) {
      if (passing > 0) {
        parts.push(rest.subarray(0, passing))
        const passed = Math.min(passing, rest.length)
        passing -= passed
        rest = rest.subarray(passed)
        continue
      }
      if (rest.length < FRAME_HEADER_BYTES) break
      const bytes = FRAME_HEADER_BYTES + rest.readUIntBE(0, 3)
      if (rest[3] === HEADERS) {
        if (rest.length < bytes) break
        mend(rest.subarray(FRAME_HEADER_BYTES, bytes))
      }
      passing = bytes
    }
    held = rest
    return parts
  }
}
