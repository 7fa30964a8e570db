// A socket of Node's net in the shape that the client speaks over: for runtimes that are asked by TCP.
import type { Socket } from 'node:net'
import type { ByteStream } from '../../process/unix-stream.ts'

/** Of a socket that is connected; owns it from then on. */
export function socketStream(socket: Socket): ByteStream {
  return {
    write: (bytes) => { if (!socket.destroyed) socket.write(bytes) },
    close: () => void socket.destroy(),
    listen({ data, ended }) {
      let isOver = false
      const over = (error?: NodeJS.ErrnoException): void => {
        if (isOver) return
        isOver = true
        ended(error)
      }
      socket.on('data', data).on('error', over).on('end', () => over()).on('close', () => over())
    },
  }
}
