// gRPC's messages in the bytes of a stream: a byte that says whether it is packed, its length, itself.

export const MESSAGE_PREFIX_BYTES = 5

export interface MessageEvents {
  /** Of the next message, before it comes; one that isn't wanted is passed over. */
  readonly isWanted: (bytes: number, isPacked: boolean) => boolean
  /** Undefined: one that was not wanted. */
  readonly message: (message: Buffer | undefined) => void
}

/** Takes pieces of any size. */
export function makeMessageReader({ isWanted, message }: MessageEvents): (chunk: Buffer) => void {
  const header = Buffer.alloc(MESSAGE_PREFIX_BYTES)
  let headerBytes = 0
  let current: { readonly bytes: Buffer | undefined; left: number } | undefined
  const endMessage = (): void => {
    if (current?.left !== 0) return
    const { bytes } = current
    current = undefined
    message(bytes)
  }
  return (chunk) => {
    for (let at = 0; at < chunk.length; endMessage()) {
      if (current) {
        const part = chunk.subarray(at, at + current.left)
        current.bytes?.set(part, current.bytes.length - current.left)
        current.left -= part.length
        at += part.length
        continue
      }
      header[headerBytes++] = chunk[at++]!
      if (headerBytes < MESSAGE_PREFIX_BYTES) continue
      headerBytes = 0
      const length = header.readUInt32BE(1)
      current = { bytes: isWanted(length, header[0] !== 0) ? Buffer.alloc(length) : undefined, left: length }
    }
  }
}

/** One message as it is sent. */
export function framedMessage(message: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(MESSAGE_PREFIX_BYTES + message.length)
  bytes[0] = 0
  bytes.writeUInt32BE(message.length, 1)
  bytes.set(message, MESSAGE_PREFIX_BYTES)
  return bytes
}
