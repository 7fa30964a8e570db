import '../support/jail.ts'
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import test from 'node:test'
import { WebSocket } from 'ws'
import { eventually } from '../support/box.ts'
import { openSuite } from '../support/suite.ts'
import { codeOf, containerConfig, openCri, podConfig, startIn, type Cri } from './cri.ts'
import { connectSpdy, speakSpdy, type SpdyClient } from './spdy-client.ts'
import { openTunnel } from './websocket-tunnel.ts'

const suite = openSuite()
const PROTOCOLS = ['v4.channel.k8s.io', 'v3.channel.k8s.io', 'v2.channel.k8s.io', 'channel.k8s.io']

async function running(cri: Cri, command: readonly string[] = ['sleep', '1000'], more = {}): Promise<{ podSandboxId: string; containerId: string }> {
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config: podConfig() })
  return { podSandboxId, containerId: await startIn(cri, podSandboxId, containerConfig(suite.busybox, command, more)) }
}

/** A pod that sends back what comes to its port 7007. */
async function echoing(cri: Cri): Promise<string> {
  const { podSandboxId, containerId } = await running(cri, ['nc', '-ll', '-p', '7007', '-e', 'cat'])
  await cri.runtime.execSync({ containerId, cmd: ['sh', '-c', 'until grep -q :1B5F /proc/net/tcp*; do sleep 0.1; done'], timeout: 10n })
  return podSandboxId
}

const open = async (client: SpdyClient, ...types: string[]) => {
  const streams = []
  for (const streamtype of types) streams.push(await client.open({ streamtype }))
  return streams
}

test('exec over SPDY moves bytes both ways, half-closes, and tells the exit code', async (t) => {
  const cri = await openCri(t, suite)
  const { containerId } = await running(cri)
  const { url } = await cri.runtime.exec({ containerId, cmd: ['sh', '-c', 'cat; echo err >&2; exit 3'], stdin: true, stdout: true, stderr: true })
  assert.match(url, /^http:\/\/127\.0\.0\.1:\d+\/exec\/[\w-]{8}$/)
  const client = await connectSpdy(url, PROTOCOLS)
  assert.equal(client.protocol, 'v4.channel.k8s.io')
  const [error, stdin, stdout, stderr] = await open(client, 'error', 'stdin', 'stdout', 'stderr')
  const data = randomBytes(3_000_000)
  for (let at = 0; at < data.length; at += 50_000) stdin!.send(data.subarray(at, at + 50_000))
  stdin!.end()
  assert.ok((await stdout!.whole).equals(data))
  assert.equal((await stderr!.whole).toString(), 'err\n')
  const status = JSON.parse((await error!.whole).toString())
  assert.deepEqual([status.status, status.reason, status.details.causes], ['Failure', 'NonZeroExitCode', [{ reason: 'ExitCode', message: '3' }]])
  await assert.rejects(connectSpdy(url, PROTOCOLS), /404/)
  client.close()
})

test('older protocols of exec get a plain text, and unknown ones are refused', async (t) => {
  const cri = await openCri(t, suite)
  const { containerId } = await running(cri)
  const request = { containerId, cmd: ['sh', '-c', 'echo hello; exit 1'], stdout: true }
  const old = await connectSpdy((await cri.runtime.exec(request)).url, ['v2.channel.k8s.io'])
  const [error, stdout] = await open(old, 'error', 'stdout')
  assert.equal((await stdout!.whole).toString(), 'hello\n')
  assert.match((await error!.whole).toString(), /^command terminated with non-zero exit code/)
  await assert.rejects(connectSpdy((await cri.runtime.exec(request)).url, ['v9.channel.k8s.io']), /403/)
  assert.equal(await codeOf(cri.runtime.exec({ containerId, cmd: ['sh'] })), 3)
  assert.equal(await codeOf(cri.runtime.exec({ containerId, cmd: ['sh'], tty: true, stdout: true, stderr: true })), 3)
  old.close()
})

test('a terminal has the size that the client says', async (t) => {
  const cri = await openCri(t, suite)
  const { containerId } = await running(cri)
  const client = await connectSpdy((await cri.runtime.exec({ containerId, cmd: ['sh', '-c', 'until stty size | grep -q 101; do sleep 0.1; done; stty size'], stdin: true, stdout: true, tty: true })).url, PROTOCOLS)
  const [error, , stdout, resize] = await open(client, 'error', 'stdin', 'stdout', 'resize')
  resize!.send('{"Width":101,"Height":33}\n')
  assert.match((await stdout!.whole).toString(), /33 101/)
  assert.equal(JSON.parse((await error!.whole).toString()).status, 'Success')
  client.close()
})

test('attach gives what the container reads and writes', async (t) => {
  const cri = await openCri(t, suite)
  const { containerId } = await running(cri, ['cat'], { stdin: true, stdinOnce: true })
  const client = await connectSpdy((await cri.runtime.attach({ containerId, stdin: true, stdout: true, stderr: true })).url, PROTOCOLS)
  const [error, stdin, stdout] = await open(client, 'error', 'stdin', 'stdout', 'stderr')
  stdin!.send('ahoy\n')
  stdin!.end()
  assert.equal((await stdout!.whole).toString(), 'ahoy\n')
  assert.equal(JSON.parse((await error!.whole).toString()).status, 'Success')
  client.close()
})

test('port-forward reaches a port that listens on the loopback of the pod, and tells of one that does not', async (t) => {
  const cri = await openCri(t, suite)
  const podSandboxId = await echoing(cri)
  const { url } = await cri.runtime.portForward({ podSandboxId, port: [] })
  const client = await connectSpdy(url, ['portforward.k8s.io'])
  const pair = async (port: string, requestid: string) => [await client.open({ streamtype: 'error', port, requestid }), await client.open({ streamtype: 'data', port, requestid })] as const
  const [error, data] = await pair('7007', '0')
  data.send('through')
  data.end()
  assert.equal((await data.whole).toString(), 'through')
  assert.equal((await error.whole).toString(), '')
  const [noError] = await pair('7008', '1')
  assert.match((await noError.whole).toString(), /7008.*ECONNREFUSED/)
  client.close()
})

const messages = (socket: WebSocket): Promise<Buffer[]> => new Promise((resolve, reject) => {
  const all: Buffer[] = []
  socket.on('message', (data: Buffer) => all.push(data))
  socket.on('close', () => resolve(all))
  socket.on('error', reject)
})
const channel = (all: readonly Buffer[], number: number): string => Buffer.concat(all.filter((each) => each[0] === number).map((each) => each.subarray(1))).toString()

test('exec over WebSocket speaks v5 with half-close, v4, and the base64 forms', async (t) => {
  const cri = await openCri(t, suite)
  const { containerId } = await running(cri)
  const url = async () => (await cri.runtime.exec({ containerId, cmd: ['sh', '-c', 'cat; exit 2'], stdin: true, stdout: true, stderr: true })).url
  const v5 = new WebSocket(await url(), ['v5.channel.k8s.io'])
  v5.on('open', () => { v5.send(Buffer.from('\0five')); v5.send(Buffer.of(255, 0)) })
  const five = await messages(v5)
  assert.equal(channel(five, 1), 'five')
  assert.deepEqual(JSON.parse(channel(five, 3)).details.causes, [{ reason: 'ExitCode', message: '2' }])

  const { url: plain } = await cri.runtime.exec({ containerId, cmd: ['echo', 'four'], stdout: true, stderr: true })
  const four = await messages(new WebSocket(plain, ['v4.channel.k8s.io']))
  assert.equal(four[0]?.length, 1)
  assert.equal(channel(four, 1), 'four\n')
  assert.equal(JSON.parse(channel(four, 3)).status, 'Success')

  const { url: coded } = await cri.runtime.exec({ containerId, cmd: ['echo', 'coded'], stdout: true })
  const base64 = (await messages(new WebSocket(coded, ['v4.base64.channel.k8s.io']))).map(String)
  assert.equal(Buffer.from(base64.filter((text) => text.startsWith('1')).map((text) => text.slice(1)).join(''), 'base64').toString(), 'coded\n')
})

test('port-forward over WebSocket begins each channel with its port', async (t) => {
  const cri = await openCri(t, suite)
  const podSandboxId = await echoing(cri)
  const { url } = await cri.runtime.portForward({ podSandboxId, port: [7007] })
  const socket = new WebSocket(url, ['v4.channel.k8s.io'])
  const got: Buffer[] = []
  await new Promise<void>((resolve, reject) => {
    socket.on('open', () => socket.send(Buffer.from('\0abc')))
    socket.on('message', (data: Buffer) => { got.push(data); if (channel(got, 0).endsWith('abc')) resolve() })
    socket.on('error', reject)
  })
  assert.deepEqual([...got[0]!], [0, 7007 & 255, 7007 >> 8])
  socket.terminate()
})

test('port-forward over SPDY in a WebSocket reaches the port', async (t) => {
  const cri = await openCri(t, suite)
  const podSandboxId = await echoing(cri)
  const { url } = await cri.runtime.portForward({ podSandboxId, port: [7007] })
  const tunnel = await openTunnel(url, ['SPDY/3.1+portforward.k8s.io'])
  assert.equal(tunnel.protocol, 'SPDY/3.1+portforward.k8s.io')
  const client = speakSpdy(tunnel)
  const error = await client.open({ streamtype: 'error', port: '7007', requestid: '0' })
  const data = await client.open({ streamtype: 'data', port: '7007', requestid: '0' })
  error.end()
  const bytes = randomBytes(300_000)
  data.send(bytes)
  data.end()
  assert.ok((await data.whole).equals(bytes))
  assert.equal((await error.whole).toString(), '')
  client.close()
})

test('streams that are opened and dropped leave nothing behind', async (t) => {
  const cri = await openCri(t, suite)
  const { podSandboxId, containerId } = await running(cri, ['nc', '-ll', '-p', '7007', '-e', 'cat'])
  const drop = async (round: number): Promise<void> => {
    const forward = round % 2 === 0
    const { url } = forward ? await cri.runtime.portForward({ podSandboxId, port: [] }) : await cri.runtime.exec({ containerId, cmd: ['cat'], stdin: true, stdout: true })
    const client = await connectSpdy(url, forward ? ['portforward.k8s.io'] : PROTOCOLS)
    if (forward) for (const streamtype of ['error', 'data']) await client.open({ streamtype, port: '7007', requestid: '0' })
    else await open(client, 'error', 'stdin', 'stdout')
    // Some at once, while the process or the connection is being made; some when it is there.
    await new Promise((resolve) => setTimeout(resolve, (round % 7) * 10))
    client.close()
  }
  await Promise.all([0, 1, 2, 3].map(async (first) => { for (let round = first; round < 120; round += 4) await drop(round) }))
  await eventually('the end of every process', async () => (await cri.runtime.execSync({ containerId, cmd: ['sh', '-c', 'pidof cat | wc -w'], timeout: 10n })).stdout.toString() === '0\n')
})
