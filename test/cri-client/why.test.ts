import '../support/jail.ts'
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { peer } from './peer.ts'
import { openRuntime } from './runtime.ts'

const runtime = openRuntime()

const podFile = (name: string, linux: object = {}): string => {
  const file = join(runtime.dir, `${name}.pod`)
  writeFileSync(file, JSON.stringify({ metadata: { name, namespace: 'default', uid: name }, log_directory: join(runtime.dir, 'logs', name), linux }))
  return file
}

/** Makes a pod with a container and tries to start it; both may fail. */
async function attempt(name: string, container: object, { pod, number = 0 }: { pod?: string; number?: number } = {}): Promise<{ pod: string; id: string }> {
  const file = join(runtime.dir, `${name}.container`)
  writeFileSync(file, JSON.stringify({ metadata: { name: `c-${name}`, attempt: number }, image: { image: runtime.busybox }, log_path: `${number}.log`, linux: {}, ...container }))
  const made = pod ?? await runtime.crictl.ok('runp', podFile(name))
  const { stdout } = await runtime.crictl.run(['create', made, file, join(runtime.dir, `${name}.pod`)])
  const id = stdout.trim()
  if (id !== '') await runtime.crictl.run(['start', id])
  return { pod: made, id }
}

async function causeOf(name: string): Promise<{ cause: string; page: string }> {
  const page = await runtime.cri.ok('why', name)
  return { cause: /^Cause\n  (.*)\n/.exec(page)?.[1] ?? '', page }
}

test('memory that was used up', async () => {
  const host = join(runtime.dir, 'go')
  mkdirSync(host)
  // containerd watches for a lack of memory only after the start: a program that is quicker than that just ends with 137
  const { id } = await attempt('oom', { command: ['sh', '-c', 'until [ -e /go/now ]; do sleep 0.1; done; a=x; while true; do a=$a$a; done'], mounts: [{ host_path: host, container_path: '/go' }], linux: { resources: { memory_limit_in_bytes: 16 * 1024 * 1024 } } })
  writeFileSync(join(host, 'now'), '')
  await runtime.cri.ok('wait', id)
  // its word of the memory may come after that of the end
  for (const end = Date.now() + 10_000; Date.now() < end && JSON.parse(await runtime.crictl.ok('inspect', id)).status.reason !== 'OOMKilled';) await sleep(50)
  const { cause, page } = await causeOf('oom')
  assert.match(cause, /^container c-oom: the kernel killed it because its memory was used up/)
  assert.match(page, /\nWhat to try\n  - give it more memory/)
  if (!peer.tellsWhy) return
  assert.match(cause, / \(its limit is 16 MiB\)$/)
  assert.match(page, /\n  command: sh -c until [^\n]*\n  memory limit: 16 MiB\n/)
})

test('a process inside a container that the kernel killed, while the container goes on', async () => {
  const { id } = await attempt('inside', { command: ['sh', '-c', '(a=x; while true; do a=$a$a; done); printf "\\033[6nover\\n"; exec sleep 1000'], linux: { resources: { memory_limit_in_bytes: 16 * 1024 * 1024 } } })
  while (!(await runtime.crictl.ok('logs', id)).includes('over')) await sleep(50)
  const { page } = await causeOf('c-inside')
  assert.match(page, /\n  the kernel killed \d+ of its processes because memory was used up\n/)
  assert.match(page, /\n  out \| over\n/)
})

test('a container that was never started has no log yet', async () => {
  const file = join(runtime.dir, 'made.container')
  writeFileSync(file, JSON.stringify({ metadata: { name: 'c-made' }, image: { image: runtime.busybox }, log_path: '0.log', linux: {} }))
  const pod = await runtime.crictl.ok('runp', podFile('made'))
  await runtime.crictl.ok('create', pod, file, podFile('made'))
  const { cause, page } = await causeOf('made')
  assert.equal(cause, 'container c-made: it was never started')
  assert.match(page, /\nLast lines of its log\n  \(none: it was never started\)\n/)
})

// of others nothing stays, or no more than that it ended
if (peer.tellsWhy) test('a command that is not there, or cannot be run', async () => {
  await attempt('wrong', { command: ['no-such-program', 'x'] })
  const { cause, page } = await causeOf('wrong')
  assert.equal(cause, 'container c-wrong: the image has no command "no-such-program", or not in its PATH')
  assert.ok(!page.includes('1970') && /\n  the runtime says: .*no-such-program/.test(page), page)
  await attempt('data', { command: ['/data/from-image'] })
  assert.match((await causeOf('data')).cause, /^container c-data: ("\/data\/from-image" may not be executed|it could not be started: .*permission denied)/)
})

if (peer.tellsWhy) test('a mount that fails', async () => {
  writeFileSync(join(runtime.dir, 'a-file'), '')
  await attempt('mount', { command: ['true'], mounts: [{ host_path: join(runtime.dir, 'a-file'), container_path: '/bin' }] })
  const { cause, page } = await causeOf('mount')
  assert.match(cause, /^container c-mount: \S+a-file cannot be mounted on \S*\/bin: /)
  assert.match(page, /a file can be mounted on a file alone/)
})

test('an image that cannot be pulled', async () => {
  const { cri, registry } = runtime
  await attempt('image', { image: { image: `${registry.host}/nope:1` }, command: ['true'] })
  assert.equal((await causeOf('image')).cause, 'nothing was created in this pod yet')
  const missing = await cri.ok('why', '--pull', `${registry.host}/nope:1`)
  assert.match(missing, /^Cause\n  image \S+\/nope:1: the registry has no such image\n/)
  const far = await cri.ok('why', '--pull', '127.0.0.1:9/nope:1')
  assert.match(far, /^Cause\n  image \S+: the registry cannot be reached\n/)
  assert.match(await cri.ok('why', '--pull', runtime.busybox), /^Image \S+\n  was pulled: /)
  assert.match(await cri.fails(2, 'why', `${registry.host}/nope:1`), /neither a pod nor a container .*--pull/)
})

test('a container that crashes again and again', async () => {
  let pod: string | undefined
  for (const number of [0, 1, 2]) {
    const made = await attempt('loop', { command: ['sh', '-c', `echo config ${number} missing >&2; exit 42`] }, { ...(pod ? { pod } : {}), number })
    pod = made.pod
    await runtime.cri.ok('wait', made.id)
  }
  const { cause, page } = await causeOf('loop')
  assert.equal(cause, 'container c-loop: it ended with 42: an error of the program itself, again and again (3 times)')
  assert.match(page, /\n  err \| config 2 missing\n/)
})

if (peer.tellsWhy) test('a network of pods that is not there', async () => {
  const { crictl, cri, dir } = runtime
  // the file alone: containerd 2 ends without the directory
  const file = join(dir, 'cni/10-test.conflist')
  const list = readFileSync(file)
  const noticed = async (isReady: boolean): Promise<void> => {
    for (let tries = 0; (await crictl.json('info', '-q')).status.conditions.every(({ status }: { status: boolean }) => status) !== isReady; tries++) {
      assert.ok(tries < 100, 'the runtime does not notice')
      await sleep(200)
    }
  }
  rmSync(file)
  try {
    await noticed(false)
    assert.notEqual((await crictl.run(['runp', podFile('lonely')])).code, 0)
    // some runtimes keep a pod that failed, others do not
    const { stdout, stderr } = await cri.run(['why', 'lonely'])
    assert.match(stdout + stderr, /^(Cause\n  |Error: neither [^\n]*nothing can be made while )the network of pods is not ready: \S/)
    const pod = await crictl.ok('runp', podFile('hosted', { security_context: { namespace_options: { network: 2 } } }))
    await cri.ok('wait', (await attempt('hosted', { command: ['sh', '-c', 'exit 42'] }, { pod })).id)
    const { cause, page } = await causeOf('hosted')
    assert.equal(cause, 'container c-hosted: it ended with 42: an error of the program itself')
    assert.match(page, /\nThe runtime also says\n  NetworkReady is false: /)
  } finally {
    writeFileSync(file, list) // containerd 1.6 does not look at what comes by a rename
  }
  // the networks of the pods that are there are taken down with it
  await noticed(true)
})
