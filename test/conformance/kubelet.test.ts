// Runs where `kubelet` is on the PATH: a real one runs static pods on our server.
import '../support/jail.ts'
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openSuite } from '../support/suite.ts'
import { findProgram } from './critest.ts'
import { containerOf, isReady, type Pod } from './kubelet.ts'
import { openNode } from './node.ts'

const program = findProgram('kubelet')
const suite = openSuite()

test('a kubelet runs static pods', { skip: program === undefined ? 'no kubelet on the PATH' : false, timeout: 570_000 }, async (t) => {
  const { cri, kubelet, exec } = await openNode(t, suite, { program: program! })
  const image = suite.busybox
  const shell = (script: string) => ['sh', '-c', script]
  kubelet.add('whole', {
    initContainers: [{ name: 'first', image, command: shell('echo from-init > /work/made'), volumeMounts: [{ name: 'work', mountPath: '/work' }] }],
    containers: [
      {
        name: 'web', image, command: shell('echo up; exec httpd -f -p 8080 -h /work'), ports: [{ containerPort: 8080, hostPort: 18080 }],
        startupProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1, failureThreshold: 30 }, readinessProbe: { httpGet: { path: '/made', port: 8080 }, periodSeconds: 1 },
        livenessProbe: { exec: { command: ['cat', '/work/made'] }, periodSeconds: 1 },
        resources: { limits: { memory: '64Mi', cpu: '500m' }, requests: { memory: '32Mi', cpu: '100m' } }, volumeMounts: [{ name: 'work', mountPath: '/work' }],
      },
      {
        name: 'side', image, command: shell('while read -r line; do echo "heard $line"; done; sleep 1000'), stdin: true,
        volumeMounts: [{ name: 'work', mountPath: '/part', subPath: 'part' }, { name: 'host', mountPath: '/host', readOnly: true }, { name: 'info', mountPath: '/info' }],
        securityContext: { runAsUser: 1000, runAsGroup: 3000, allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] }, readOnlyRootFilesystem: true },
      },
    ],
    volumes: [{ name: 'work', emptyDir: {} }, { name: 'host', hostPath: { path: '/etc' } }, { name: 'info', downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } }],
  }, { app: 'whole' })
  kubelet.add('crash', {
    containers: [
      { name: 'says', image, command: shell('echo last words > /dev/termination-log; exit 3') },
      { name: 'logs', image, command: shell('echo words of the log; exit 4'), terminationMessagePolicy: 'FallbackToLogsOnError' },
      { name: 'lacks', image, command: ['/no/such/program'] },
    ],
  })
  kubelet.add('eater', { restartPolicy: 'Never', containers: [{ name: 'main', image, command: ['dd', 'if=/dev/zero', 'of=/dev/null', 'bs=200M', 'count=1'], resources: { limits: { memory: '20Mi' } } }] })
  kubelet.add('talk', { containers: [{ name: 'main', image, command: shell('i=0; while :; do i=$((i+1)); echo "line $i, long enough to fill a log of 32 KiB soon 0123456789"; [ $((i % 100)) = 0 ] && sleep 0.2; done') }] })
  kubelet.add('sick', {
    shareProcessNamespace: true,
    containers: [{ name: 'main', image, command: shell('touch /tmp/ok; sleep 2; rm /tmp/ok; sleep 1000'), livenessProbe: { exec: { command: ['cat', '/tmp/ok'] }, periodSeconds: 1, failureThreshold: 1 } }],
  })

  await t.test('init containers, three kinds of probes and volumes', async () => {
    const pod = await kubelet.until('whole', isReady)
    assert.equal(pod.status.initContainerStatuses?.[0]?.state.terminated?.reason, 'Completed')
    assert.equal((await exec('whole', 'side', ['cat', '/info/labels'])).stdout, 'app="whole"')
    assert.equal((await exec('whole', 'side', shell('id -u; id -g; ls -d /part; touch /x 2>/dev/null || echo read-only'))).stdout, '1000\n3000\n/part\nread-only\n')
    assert.equal(await (await fetch('http://127.0.0.1:18080/made')).text(), 'from-init\n')
    assert.equal(await kubelet.logs('whole', 'web'), 'up\n')
  })

  await t.test('exec with its exit code and large streams, attach, port-forward', async () => {
    const failed = await exec('whole', 'web', shell('echo out; echo err >&2; exit 7'))
    assert.deepEqual([failed.stdout, failed.stderr, failed.status.details?.causes[0]?.message], ['out\n', 'err\n', '7'])
    assert.equal((await exec('whole', 'web', ['head', '-c', '8388608', '/dev/zero'])).stdout.length, 8_388_608)
    assert.equal((await exec('whole', 'web', shell('head -c 8388608 | wc -c'), 'x'.repeat(8_388_608))).stdout.trim(), '8388608')
    const attached = await kubelet.open('/attach/default/whole-node/side', { input: '1', output: '1' })
    await attached.send(0, 'this\n')
    while (!attached.said(1).includes('heard this\n')) await sleep(20)
    attached.close()
    const forwarded = await kubelet.open('/portForward/default/whole-node', { port: '8080' })
    await forwarded.send(0, 'GET /made HTTP/1.0\r\n\r\n')
    while (!forwarded.said(0).includes('from-init\n')) await sleep(20)
    forwarded.close()
  })

  await t.test('crashes are restarted with back-off, their last words kept', async () => {
    const pod = await kubelet.until('crash', (each) => ['says', 'logs', 'lacks'].every((name) => containerOf(each, name)?.state.waiting?.reason === 'CrashLoopBackOff' && containerOf(each, name)!.restartCount > 0))
    const last = (name: string) => containerOf(pod, name)!.lastState!.terminated!
    assert.deepEqual([last('says').exitCode, last('says').reason, last('says').message], [3, 'Error', 'last words\n'])
    assert.deepEqual([last('logs').exitCode, last('logs').message], [4, 'words of the log\n'])
    assert.deepEqual([last('lacks').exitCode, last('lacks').reason], [128, 'StartError'])
    assert.match(last('lacks').message!, /\/no\/such\/program/)
  })

  await t.test('a container over its memory limit is OOMKilled', async () => {
    const pod = await kubelet.until('eater', ({ status }) => status.phase === 'Failed')
    const { exitCode, reason } = containerOf(pod, 'main')!.state.terminated!
    assert.deepEqual([exitCode, reason], [137, 'OOMKilled'])
  })

  await t.test('a failed liveness probe restarts the container', async () => {
    await kubelet.until('sick', (pod) => containerOf(pod, 'main')!.restartCount > 0)
    kubelet.remove('sick')
  })

  await t.test('logs are rotated and go on', async () => {
    const pod = await kubelet.until('talk', isReady)
    const folder = join('/var/log/pods', `default_talk-node_${pod.metadata.uid}`, 'main')
    for (let tries = 0; readdirSync(folder).length < 2; tries++) {
      assert.ok(tries < 300, 'never rotated')
      await sleep(200)
    }
    const before = readFileSync(join(folder, '0.log'), 'utf8').length
    for (let tries = 0; readFileSync(join(folder, '0.log'), 'utf8').length === before; tries++) {
      assert.ok(tries < 100, 'nothing is written after the rotation')
      await sleep(100)
    }
    kubelet.remove('talk')
  })

  await t.test('its summary has figures of every container', async () => {
    let figures: Record<string, { memory?: { workingSetBytes: number }; rootfs?: { usedBytes: number }; logs?: object }> = {}
    for (let tries = 0; !(figures['web']?.memory?.workingSetBytes! > 0 && figures['side']?.memory?.workingSetBytes! > 0); tries++) {
      assert.ok(tries < 300, `no figures: ${JSON.stringify(figures)}`)
      await sleep(200)
      const { pods } = await kubelet.json<{ pods: { podRef: { name: string }; containers?: { name: string }[] }[] }>('/stats/summary')
      figures = Object.fromEntries((pods.find(({ podRef }) => podRef.name === 'whole-node')?.containers ?? []).map((each) => [each.name, each])) as typeof figures
    }
    assert.ok(figures['web']!.rootfs && figures['web']!.logs)
  })

  const ids = (pod: Pod) => pod.status.containerStatuses!.map(({ name, containerID, restartCount }) => [name, containerID, restartCount]).sort()

  await t.test('containers live through a restart of the server and of the kubelet', async () => {
    const before = ids(await kubelet.until('whole', isReady))
    await cri.restart('SIGKILL')
    await kubelet.restart()
    assert.deepEqual(ids(await kubelet.until('whole', isReady)), before)
    assert.equal((await exec('whole', 'web', ['cat', '/work/made'])).stdout, 'from-init\n')
  })

  await t.test('a pod that was stopped from outside is made anew', async () => {
    const before = ids(await kubelet.until('whole', isReady))
    const { items } = await cri.runtime.listPodSandbox({ filter: { labelSelector: { 'io.kubernetes.pod.name': 'whole-node' } } })
    await cri.runtime.stopPodSandbox({ podSandboxId: items[0]!.id })
    const after = await kubelet.until('whole', (pod) => isReady(pod) && JSON.stringify(ids(pod)) !== JSON.stringify(before))
    assert.equal(after.status.containerStatuses!.length, 2)
    assert.equal(await (await fetch('http://127.0.0.1:18080/made')).text(), 'from-init\n')
  })

  await t.test('a pod whose file is gone is stopped', async () => {
    kubelet.remove('whole')
    for (let tries = 0; ; tries++) {
      const { containers } = await cri.runtime.listContainers({ filter: { state: { state: 1 }, labelSelector: { 'io.kubernetes.pod.name': 'whole-node' } } })
      if (containers.length === 0) break
      assert.ok(tries < 300, 'still running')
      await sleep(200)
    }
  })
})
