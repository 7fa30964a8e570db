import { connect, Socket } from 'node:net'
import { Failure } from '../errors.ts'
import { connectInNetns } from '../sys/addon.ts'

/** A TCP connection to `port` on the loopback of the namespace at `netns`, or of our own. @throws unavailable */
export async function connectToLoopback(netns: string | undefined, port: number): Promise<Socket> {
  try {
    if (netns === undefined) return await connected(port)
    return new Socket({ fd: await connectInNetns(netns, port), readable: true, writable: true, allowHalfOpen: true })
  } catch (error) {
    throw new Failure('unavailable', `nothing can be reached at port ${port}: ${(error as NodeJS.ErrnoException).code ?? error}`, { cause: error })
  }
}

const connected = (port: number): Promise<Socket> => new Promise((resolve, reject) => {
  const socket = connect({ port, host: 'localhost', allowHalfOpen: true }, () => {
    socket.off('error', reject)
    resolve(socket)
  })
  socket.once('error', reject)
})
