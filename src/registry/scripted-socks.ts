// For tests: a SOCKS server that speaks RFC 1928 and 1929 to the letter, and writes down what it is asked.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import type { TestContext } from 'node:test'

export interface Socks { readonly host: string; readonly asked: string[]; readonly server: { user?: string; reply: number; silent: boolean; byteByByte: boolean } }

/** Leads every connection to `target`, whatever was asked for. */
export async function startSocks(t: TestContext, target: () => string): Promise<Socks> {
  const state: Socks['server'] = { reply: 0, silent: false, byteByByte: false }
  const asked: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    talk(socket).catch(() => socket.destroy())
  })
  const talk = async (socket: Socket): Promise<void> => {
    let have = Buffer.alloc(0)
    const take = (chunk: Buffer): void => { have = Buffer.concat([have, chunk]) }
    socket.on('data', take)
    const read = async (count: number): Promise<Buffer> => {
      while (have.length < count) await once(socket, 'data')
      const bytes = have.subarray(0, count)
      have = have.subarray(count)
      return bytes
    }
    const say = async (...bytes: number[]): Promise<void> => {
      if (!state.byteByByte) return void socket.write(Buffer.from(bytes))
      for (const byte of bytes) {
        socket.write(Buffer.from([byte]))
        await new Promise((resume) => setTimeout(resume, 2))
      }
    }
    const [version, count] = await read(2)
    assert.equal(version, 5)
    const methods = [...await read(count!)]
    if (state.silent) return
    if (state.user !== undefined) {
      if (!methods.includes(2)) return say(5, 0xff)
      await say(5, 2)
      const [, userLength] = await read(2)
      const user = await read(userLength!)
      const password = await read((await read(1))[0]!)
      const right = `${user}:${password}` === state.user
      await say(1, right ? 0 : 1)
      if (!right) return void socket.end()
    } else await say(5, 0)
    const [, command, , type] = await read(4)
    assert.equal(command, 1)
    const address = type === 3 ? String(await read((await read(1))[0]!)) : type === 1 ? [...await read(4)].join('.') : (await read(16)).toString('hex')
    const port = (await read(2)).readUInt16BE()
    asked.push(`${type} ${address} ${port}`)
    if (state.reply !== 0) return say(5, state.reply, 0, 1, 0, 0, 0, 0, 0, 0)
    const [host, targetPort] = target().split(':')
    const upstream = connect(Number(targetPort), host)
    sockets.add(upstream)
    upstream.on('error', () => socket.destroy())
    await once(upstream, 'connect')
    // The bound address may be a name too.
    await say(5, 0, 0, 3, 2, 104, 105, 0, 80)
    socket.off('data', take)
    upstream.write(have)
    upstream.pipe(socket).pipe(upstream)
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => { for (const socket of sockets) socket.destroy(); server.close() })
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, asked, server: state }
}
