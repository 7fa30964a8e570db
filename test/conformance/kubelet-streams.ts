// A client of the kubelet's exec, attach and port-forward over WebSocket, and of its plain answers. Its certificate is its own.
import { request } from 'node:https'
import { WebSocket } from 'ws'

export interface Channels {
  send(channel: number, data: string | Buffer): Promise<void>
  /** All that a channel said until now. */
  said(channel: number): Buffer
  /** When the other side has closed. */
  readonly closed: Promise<void>
  close(): void
}

interface Asked { readonly port: number; readonly path: string; readonly query?: Readonly<Record<string, string | readonly string[]>> }

export async function openChannels({ port, path, query = {} }: Asked): Promise<Channels> {
  const words = Object.entries(query).flatMap(([name, value]) => [value].flat().map((each) => [name, each] as [string, string]))
  const socket = new WebSocket(`wss://127.0.0.1:${port}${path}?${new URLSearchParams(words)}`, ['v4.channel.k8s.io'], { rejectUnauthorized: false })
  const heard = new Map<number, Buffer[]>()
  socket.on('message', (data: Buffer) => {
    const channel = data[0]!
    heard.set(channel, [...(heard.get(channel) ?? []), data.subarray(1)])
  })
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  await new Promise<void>((resolve, reject) => socket.once('open', () => resolve()).once('error', reject))
  return {
    closed,
    said: (channel) => Buffer.concat(heard.get(channel) ?? []),
    send: (channel, data) => new Promise((resolve, reject) => socket.send(Buffer.concat([Buffer.of(channel), Buffer.from(data)]), (error) => (error ? reject(error) : resolve()))),
    close: () => socket.close(),
  }
}

openChannels.text = ({ port, path }: Asked): Promise<string> => new Promise((resolve, reject) => {
  request({ host: '127.0.0.1', port, path, rejectUnauthorized: false }, (response) => {
    let text = ''
    response.setEncoding('utf8').on('data', (chunk) => { text += chunk }).on('end', () => resolve(text))
  }).on('error', reject).end()
})
