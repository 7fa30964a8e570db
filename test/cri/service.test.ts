import '../support/jail.ts'
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import test, { type TestContext } from 'node:test'
import { NamespaceMode } from '../../src/cri/wire/generated/runtime-v1.ts'
import { eventually } from '../support/box.ts'
import { openSuite } from '../support/suite.ts'
import { containerConfig, openCri, podConfig, startIn } from './cri.ts'

const suite = openSuite()
const ALONE = { linux: { securityContext: { namespaceOptions: { pid: NamespaceMode.CONTAINER } } } }

/** As a service manager has it: a datagram socket, and the messages that came, in order. */
async function openManager(t: TestContext): Promise<{ path: string; told: string[] }> {
  const path = '/tmp/manager.sock'
  const script = 'import json,socket,sys\ns=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM)\ns.bind(sys.argv[1])\nprint(0,flush=True)\nwhile True: print(json.dumps(s.recv(4096).decode()),flush=True)'
  const child = spawn('python3', ['-c', script, path], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill())
  const told: string[] = []
  await new Promise<void>((resolve) => createInterface(child.stdout).on('line', (line) => (line === '0' ? resolve() : told.push(JSON.parse(line) as string))))
  return { path, told }
}

test('the service manager learns of the server and of none of its containers, and the log of one line', async (t) => {
  const { path, told } = await openManager(t)
  const cri = await openCri(t, suite, { env: { NOTIFY_SOCKET: path }, logLevel: '' })
  await eventually('the word', () => told.length > 0)
  assert.deepEqual(told, ['READY=1'])
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config: podConfig(ALONE) })
  const containerId = await startIn(cri, podSandboxId, containerConfig(suite.busybox, ['sh', '-c', 'echo "socket: $NOTIFY_SOCKET"; sleep 1000'], ALONE))
  const { stdout } = await cri.runtime.execSync({ containerId, cmd: ['sh', '-c', 'tr "\\0" "\\n" </proc/1/environ'], timeout: 10n })
  assert.doesNotMatch(Buffer.from(stdout).toString(), /NOTIFY/)
  cri.server.kill('SIGHUP')
  await eventually('the reload', () => told.length > 2)
  assert.match(told[1]!, /^RELOADING=1\nMONOTONIC_USEC=\d+$/)
  assert.equal(told[2], 'READY=1')
  const log = cri.server.stderr()
  await cri.restart()
  await eventually('the restart', () => told.length > 4)
  assert.deepEqual(told.slice(3), ['STOPPING=1', 'READY=1'])
  assert.match(log, /^time=\S+ level=info msg="listening on [^\n]*\n$/)
})
