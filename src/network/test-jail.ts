// For tests that alter bridges and firewalls: the test file runs itself again inside namespaces of its own.
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { connect, isIPv6 } from 'node:net'
import { join } from 'node:path'
import test from 'node:test'
import type { TestContext } from 'node:test'

import { openNetworks } from './open-networks.ts'
import type { NetworkOptions, Networks } from './networks.ts'

const INSIDE = 'SCOW_NETWORK_TEST_JAIL'

/** Runs `define` in new network and mount namespaces with a private /run; outside, only starts that and reports. */
export const inJail = (file: string, define: () => void): void => {
  if (process.env[INSIDE]) {
    define()
    return
  }
  test(`in a jail: ${file.split('/').at(-1)}`, () => {
    const { NODE_TEST_CONTEXT: _, ...env } = process.env
    const script = 'mount -t tmpfs -o mode=755 tmpfs /run && ip link set lo up && exec "$@"'
    const inner = ['--mount', '--net', '--propagation', 'private', 'sh', '-c', script, 'sh', process.execPath, '--test-reporter=spec', file]
    const { status, stdout, stderr } = spawnSync('unshare', inner, { env: { ...env, [INSIDE]: '1' }, encoding: 'utf8', timeout: 300_000 })
    if (status !== 0) throw new Error(`exit code ${status}\n${stdout}\n${stderr}`)
  })
}

const RESET = `
  for link in $(ip -o link show type bridge | cut -d: -f2); do ip link delete $link; done
  for program in iptables ip6tables; do for table in nat filter; do $program -t $table -F; $program -t $table -X; done; done`

export interface Rig { readonly networks: Networks; readonly options: NetworkOptions; readonly dir: string }

/** A network layer in directories of its own. They go after the test, and so do all bridges and rules of the jail. */
export const makeRig = (t: TestContext, overrides: Partial<NetworkOptions> = {}): Rig => {
  const dir = mkdtempSync('/run/scow-network-')
  const make = (name: string) => {
    mkdirSync(join(dir, name), { recursive: true })
    return join(dir, name)
  }
  const options: NetworkOptions = {
    networksDir: make('networks'), configDirs: [make('net.d')], pluginDirs: ['/usr/lib/cni'], cacheDir: make('cni'),
    netnsDir: join(dir, 'netns'), locksDir: make('locks'), ...overrides,
  }
  t.after(() => {
    spawnSync('umount', ['-R', options.netnsDir])
    spawnSync('sh', ['-c', RESET])
    rmSync(dir, { recursive: true, force: true })
  })
  return { networks: openNetworks(options), options, dir }
}

export const sh = (script: string): string => execFileSync('sh', ['-ec', script], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

/** Answers TCP and UDP on `port` inside a namespace with the address it sees the caller at; gone when disposed. */
export const startEcho = async (netns: string, port: number): Promise<AsyncDisposable> => {
  const program = `
    require('net').createServer((s) => s.end(s.remoteAddress)).listen(${port}, '::', () => {
      const u = require('dgram').createSocket('udp6'); u.on('message', (m, r) => u.send(r.address, r.port, r.address))
      u.bind(${port}, () => console.log('up')) })`
  const child = spawn('nsenter', [`--net=${netns}`, process.execPath, '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  return {
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

/** What the echo answers over TCP, or the error's code. */
export const askTcp = async (host: string, port: number): Promise<string> =>
  await new Promise((resolve) => {
    let text = ''
    const socket = connect({ host, port, timeout: 2000 })
    socket.on('data', (chunk) => { text += String(chunk) })
    socket.on('timeout', () => socket.destroy(Object.assign(new Error(), { code: 'TIMEOUT' })))
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'))
    socket.on('close', () => resolve(text))
  })

/** As `askTcp` over UDP. */
export const askUdp = async (host: string, port: number): Promise<string> =>
  await new Promise((resolve) => {
    const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4')
    const end = (text: string) => {
      clearTimeout(timer)
      socket.close()
      resolve(text)
    }
    const timer = setTimeout(() => end('TIMEOUT'), 2000)
    socket.on('message', (message) => end(String(message)))
    socket.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? 'error'))
    socket.send('?', port, host)
  })
