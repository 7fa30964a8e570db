import type { Socket } from 'node:net'
import { Failure } from '../errors.ts'
import { connectToLoopback } from '../network/connect.ts'
import type { Engine } from './engine.ts'

/** A TCP connection to a port of the pod, as its own containers reach it at localhost. @throws unavailable, notFound */
export async function connectPod({ state }: Pick<Engine, 'state'>, id: string, port: number): Promise<Socket> {
  const pod = await state.pods.get(id)
  if (!pod) throw new Failure('notFound', `pod ${id.slice(0, 12)} is gone`)
  return connectToLoopback(pod.status.netns, port)
}
