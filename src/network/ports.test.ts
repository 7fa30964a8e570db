import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import test from 'node:test'

import { isFailure } from '../errors.ts'
import { allocatePorts, assertPortFree, freePort, sameAddress } from './ports.ts'

const port = { hostPort: 0, containerPort: 80, protocol: 'tcp' as const, count: 1 }

test('a port that a program listens on is refused, and the program is named', async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const { port: taken } = server.address() as AddressInfo
  const expected = (error: unknown) => isFailure(error, 'inUse') && error.message.includes(`port ${taken}/tcp`) && error.message.includes(`(pid ${process.pid})`)
  await assert.rejects(assertPortFree({ port: taken, protocol: 'tcp' }), expected)
  await assert.rejects(assertPortFree({ port: taken, protocol: 'tcp', ip: '127.0.0.1' }), expected)
  await assertPortFree({ port: taken, protocol: 'tcp', ip: '127.0.0.2' })
  await assertPortFree({ port: taken, protocol: 'udp' })
  await assertPortFree({ port: taken, protocol: 'sctp' })
  await assert.rejects(allocatePorts([{ ...port, hostPort: taken - 1, count: 2 }]), expected)
})

test('UDP ports are probed too, and an address of another host is refused', async (t) => {
  const socket = createSocket('udp4').bind(0)
  t.after(() => socket.close())
  await once(socket, 'listening')
  await assert.rejects(assertPortFree({ port: socket.address().port, protocol: 'udp' }), (error) => isFailure(error, 'inUse'))
  await assert.rejects(assertPortFree({ port: 9, protocol: 'udp', ip: '203.0.113.77' }), (error) => isFailure(error, 'invalid'))
})

test('random ports avoid what containers have, and ranges are consecutive', async () => {
  const asked: number[] = []
  const first = await freePort({ protocol: 'tcp', count: 3 }, ({ port: candidate }) => {
    asked.push(candidate)
    return asked.length <= 2
  })
  assert.ok(asked.length >= 5 && first === asked.at(-3))
  const chosen = await allocatePorts([port, port, { ...port, protocol: 'udp', count: 4 }])
  assert.equal(new Set(chosen.map(({ hostPort, protocol }) => `${hostPort}/${protocol}`)).size, 3)
  assert.ok(chosen.every(({ hostPort }) => hostPort > 0))
})

test('one port given twice, or published by another container, is refused', async () => {
  const free = await freePort({ protocol: 'tcp', count: 1 })
  const given = { ...port, hostPort: free }
  await assert.rejects(allocatePorts([given, { ...given, hostIp: '127.0.0.1' }]), /already in use by another container/)
  await assert.rejects(allocatePorts([given], ({ port: wanted }) => wanted === free), (error) => isFailure(error, 'inUse'))
  await allocatePorts([{ ...given, hostIp: '127.0.0.1' }, { ...given, hostIp: '127.0.0.2' }])
  await assert.rejects(allocatePorts([{ ...given, hostPort: 65535, count: 2 }]), (error) => isFailure(error, 'invalid'))
})

test('a wildcard meets its own family, no address meets both', () => {
  for (const [a, b, same] of [['', '', true], ['', '::1', true], ['0.0.0.0', '1.2.3.4', true], ['0.0.0.0', '::1', false], ['1.2.3.4', '1.2.3.5', false], ['::', '::1', true]] as const) {
    assert.equal(sameAddress(a, b), same, `${a} ${b}`)
  }
})
