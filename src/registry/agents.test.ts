import { once } from 'node:events'
import { createServer, get } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { test } from 'node:test'
import { makeAgent } from './agents.ts'

test('a connection that nobody has used for a while is closed', async (t) => {
  const server = createServer((_, response) => response.end('said')).listen(0, '127.0.0.1')
  server.keepAliveTimeout = 0 // such registries keep a connection for ever
  t.after(() => server.close())
  await once(server, 'listening')
  const sockets: Socket[] = []
  server.on('connection', (socket) => sockets.push(socket))
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  const agent = await makeAgent({ url, tls: { verify: true }, proxy: undefined, connectMs: 1000, authorities: async () => undefined, idleMs: 300 })
  const [response] = await once(get(url, { agent }), 'response')
  response.resume()
  const [socket] = sockets
  if (!socket!.closed) await once(socket!, 'close')
})
