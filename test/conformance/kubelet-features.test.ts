// What newer kubelets ask of a runtime, shown by static pods; with the gates that make it ask by events and streams.
import '../support/jail.ts'
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { eventually } from '../support/box.ts'
import { openSuite } from '../support/suite.ts'
import { findProgram } from './critest.ts'
import { containerOf, initOf, isReady, minorOf, type Pod } from './kubelet.ts'
import { openNode } from './node.ts'

const program = findProgram('kubelet')
const suite = openSuite()
const skip = program === undefined ? 'no kubelet on the PATH' : minorOf(program) < 36 ? 'this kubelet is older than 1.36' : false

const FEATURES = { CRIListStreaming: true, ContainerStopSignals: true, EventedPLEG: true, PodAndContainerStatsFromCRI: true }

const shell = (script: string): string[] => ['sh', '-c', script]
/** Until its stop signal, which it heeds at once. */
const WAIT = 'trap "exit 0" TERM; while :; do usleep 50000; done'

/** The answers of a gRPC health server that is well, as a client takes them that asks one question: settings, headers, a message, trailers. */
const HEALTH = `read_on() { cat >/dev/null; }
printf '\\0\\0\\0\\4\\0\\0\\0\\0\\0\\0\\0\\0\\4\\1\\0\\0\\0\\0'; usleep 300000
printf '\\0\\0\\24\\1\\4\\0\\0\\0\\1\\210\\17\\20\\20application/grpc\\0\\0\\7\\0\\0\\0\\0\\0\\1\\0\\0\\0\\0\\2\\10\\1\\0\\0\\17\\1\\5\\0\\0\\0\\1\\0\\13grpc-status\\0010'; read_on`

test('a kubelet has from the runtime what newer pods ask for', { skip, timeout: 570_000 }, async (t) => {
  const { cri, kubelet, exec } = await openNode(t, suite, {
    program: program!, args: ['--metrics-address', '127.0.0.1:0', '--pin-image', suite.web],
    more: { imageMinimumGCAge: '1s', featureGates: FEATURES },
  })
  const image = suite.busybox
  const out = async (pod: string, container: string, script: string) => (await exec(pod, container, shell(script))).stdout
  const shared = '/tmp/shared-by-pods'
  mkdirSync(shared)
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', shared])
  execFileSync('mount', ['--make-rshared', shared])
  t.after(() => execFileSync('umount', ['--recursive', shared]))
  mkdirSync(join(cri.box.dir, 'kubelet/seccomp'), { recursive: true })
  writeFileSync(join(cri.box.dir, 'kubelet/seccomp/no-mkdir.json'), JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO' }] }))
  await cri.images.pullImage({ image: { image: suite.web } })

  kubelet.add('batch', {
    restartPolicy: 'Never', terminationGracePeriodSeconds: 20,
    initContainers: [
      { name: 'proxy', image, restartPolicy: 'Always', command: shell(`trap "exit 5" TERM; httpd -p 9000 -h /etc; ${WAIT.replace(/^.*TERM; /, '')}`), startupProbe: { exec: { command: ['wget', '-qO-', 'http://127.0.0.1:9000/passwd'] }, periodSeconds: 1, failureThreshold: 60 } },
      { name: 'needs-proxy', image, command: ['wget', '-qO/dev/null', 'http://127.0.0.1:9000/passwd'] },
    ],
    containers: [{ name: 'main', image, command: shell('wget -qO- http://127.0.0.1:9000/group | head -n 1; sleep 1') }],
  })
  kubelet.add('hooks', {
    os: { name: 'linux' }, terminationGracePeriodSeconds: 30,
    containers: [{
      name: 'main', image, command: shell(`trap "echo USR1 >> /shared/hooks; exit 0" USR1; ${WAIT.replace(/^.*TERM; /, '')}`), volumeMounts: [{ name: 'shared', mountPath: '/shared' }],
      lifecycle: { stopSignal: 'SIGUSR1', postStart: { exec: { command: shell('echo started >> /shared/hooks') } }, preStop: { exec: { command: shell('sleep 1; echo stopping >> /shared/hooks') } } },
    }],
    volumes: [{ name: 'shared', hostPath: { path: shared } }],
  })
  kubelet.add('host', { hostNetwork: true, hostPID: true, hostIPC: true, containers: [{ name: 'main', image, command: shell(WAIT) }] })
  kubelet.add('shared', {
    shareProcessNamespace: true, securityContext: { runAsUser: 1000, supplementalGroups: [1234], supplementalGroupsPolicy: 'Strict', fsGroup: 4321, sysctls: [{ name: 'net.ipv4.ip_unprivileged_port_start', value: '70' }] },
    hostname: 'harbour', hostAliases: [{ ip: '10.1.2.3', hostnames: ['lighthouse'] }], dnsPolicy: 'None', dnsConfig: { nameservers: ['10.0.0.53'], searches: ['sea.local'], options: [{ name: 'ndots', value: '3' }] },
    containers: [
      {
        name: 'main', image, command: shell(`echo "$POD $CPUS" >/memory/env; ${WAIT}`), volumeMounts: [{ name: 'memory', mountPath: '/memory' }],
        env: [{ name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }, { name: 'CPUS', valueFrom: { resourceFieldRef: { resource: 'limits.cpu', divisor: '1m' } } }],
        resources: { limits: { memory: '40Mi', cpu: '300m' }, requests: { memory: '20Mi', cpu: '50m' } },
        startupProbe: { grpc: { port: 9090 }, periodSeconds: 1, timeoutSeconds: 5, failureThreshold: 60 }, readinessProbe: { tcpSocket: { port: 9090 }, periodSeconds: 1 },
      },
      { name: 'second', image, command: ['nc', '-ll', '-p', '9090', '-e', 'sh', '-c', HEALTH] },
    ],
    volumes: [{ name: 'memory', emptyDir: { medium: 'Memory', sizeLimit: '8Mi' } }],
  })
  kubelet.add('own', {
    hostUsers: false,
    containers: [{
      name: 'main', image, command: shell(WAIT),
      volumeMounts: [{ name: 'scratch', mountPath: '/scratch' }, { name: 'picture', mountPath: '/picture', subPath: 'home' }],
      securityContext: { seccompProfile: { type: 'Localhost', localhostProfile: 'no-mkdir.json' } },
    }],
    volumes: [{ name: 'scratch', emptyDir: {} }, { name: 'picture', image: { reference: image, pullPolicy: 'IfNotPresent' } }],
  })
  kubelet.add('mounts', {
    containers: [
      { name: 'giver', image, securityContext: { privileged: true }, command: shell(`mkdir /shared/given; mount -t tmpfs given /shared/given; touch /shared/given/file; ${WAIT}`), volumeMounts: [{ name: 'shared', mountPath: '/shared', mountPropagation: 'Bidirectional' }] },
      { name: 'taker', image, securityContext: { seccompProfile: { type: 'RuntimeDefault' } }, command: shell(WAIT), volumeMounts: [{ name: 'shared', mountPath: '/shared', mountPropagation: 'HostToContainer' }] },
    ],
    volumes: [{ name: 'shared', hostPath: { path: shared } }],
  })
  kubelet.add('pulls', {
    containers: [
      { name: 'always', image: suite.probe, imagePullPolicy: 'Always', command: ['/probe', 'sleep', '1000'] },
      { name: 'absent', image: `${suite.registry.host}/no/such:1`, imagePullPolicy: 'IfNotPresent' },
      { name: 'nowhere', image: '127.0.0.1:1/nowhere:1' },
    ],
  })

  await t.test('a sidecar runs before, beside and after the containers that need it', async () => {
    const pod = await kubelet.until('batch', ({ status }) => status.phase === 'Succeeded')
    const ends = [initOf(pod, 'proxy'), initOf(pod, 'needs-proxy'), containerOf(pod, 'main')].map((each) => each?.state.terminated)
    assert.deepEqual(ends.map((end) => end?.exitCode), [5, 0, 0])
    assert.ok(ends[0]!.finishedAt >= ends[2]!.finishedAt, 'it ends last')
    assert.equal(await kubelet.logs('batch', 'main'), 'root:x:0:\n')
  })

  await t.test('a container has its hooks, and is ended by the signal that the pod names', async () => {
    await kubelet.until('hooks', isReady)
    kubelet.remove('hooks')
    await eventually('the signal', () => readFileSync(join(shared, 'hooks'), 'utf8').includes('USR1'))
    assert.equal(readFileSync(join(shared, 'hooks'), 'utf8'), 'started\nstopping\nUSR1\n')
  })

  await t.test('the namespaces of the host, or one process table for all', async () => {
    await kubelet.until('host', isReady)
    const names = ['net', 'pid', 'ipc', 'uts']
    assert.equal(await out('host', 'main', `for n in ${names.join(' ')}; do readlink /proc/self/ns/$n; done`), names.map((name) => `${readlinkSync(`/proc/self/ns/${name}`)}\n`).join(''))
    const pod = await kubelet.until('shared', isReady)
    assert.match(await out('shared', 'main', 'ps'), /\/pause[^]*nc -ll -p 9090/)
    assert.equal(await out('shared', 'main', 'id -G | tr " " "\\n" | sort -n; cat /proc/sys/net/ipv4/ip_unprivileged_port_start; hostname; grep lighthouse /etc/hosts | tr "\\t" " "; cat /etc/resolv.conf; cat /memory/env; stat -fc %T /memory; stat -c %g:%a /memory; df -m /memory | tail -n 1 | tr -s " " | cut -d " " -f 2'),
      '1000\n1234\n4321\n70\nharbour\n10.1.2.3 lighthouse\nsearch sea.local\nnameserver 10.0.0.53\noptions ndots:3\nshared-node 300\ntmpfs\n4321:3777\n8\n')
    const { user, resources } = containerOf(pod, 'main')!
    assert.deepEqual([user?.linux.uid, user?.linux.gid, [...user!.linux.supplementalGroups].sort((a, b) => a - b)], [1000, 1000, [1000, 1234, 4321]])
    assert.deepEqual(resources, { limits: { cpu: '300m', memory: '40Mi' }, requests: { cpu: '50m', memory: '20Mi' } })
  })

  await t.test('a user namespace with volumes, an image as a volume, a seccomp profile of the node', async () => {
    await kubelet.until('own', isReady)
    const [map = ''] = (await out('own', 'main', 'tr -s " " < /proc/self/uid_map')).split('\n')
    assert.match(map, /^ 0 [1-9]\d+ 65536$/)
    assert.equal(await out('own', 'main', 'touch /scratch/made && stat -c %u:%g /scratch/made; stat -c %u /picture/ada; touch /picture/x 2>/dev/null || echo read-only; mkdir /scratch/x 2>/dev/null || echo refused'),
      '0:0\n1000\nread-only\nrefused\n')
  })

  await t.test('a mount that one container makes is there for another, and for the host', async () => {
    await kubelet.until('mounts', isReady)
    await eventually('the mount on the host', () => existsSync(join(shared, 'given/file')))
    assert.equal(await out('mounts', 'taker', 'ls /shared/given; grep ^Seccomp: /proc/self/status | tr -s "\\t" " "'), 'file\nSeccomp: 2\n')
  })

  await t.test('images are pulled, and what stands in the way is told', async () => {
    const pod = await kubelet.until('pulls', (each) => containerOf(each, 'always')?.state.running !== undefined && ['absent', 'nowhere'].every((name) => /^(ErrImagePull|ImagePullBackOff|RegistryUnavailable)$/.test(containerOf(each, name)?.state.waiting?.reason ?? '')))
    assert.equal(pod.status.phase, 'Pending')
    await kubelet.until('pulls', (each) => containerOf(each, 'nowhere')?.state.waiting?.reason === 'RegistryUnavailable' || /connect|refused/.test(containerOf(each, 'nowhere')?.state.waiting?.message ?? ''))
    kubelet.remove('pulls')
  })

  await t.test('it asks by events, streams and the statistics of the runtime', async () => {
    const { pods } = await eventually('figures', async () => {
      const summary = await kubelet.json<{ pods: { podRef: { name: string }; network?: { rxBytes?: number }; memory?: { workingSetBytes?: number }; containers?: { name: string; cpu?: { usageCoreNanoSeconds?: number } }[] }[] }>('/stats/summary')
      const own = summary.pods.find(({ podRef }) => podRef.name === 'own-node')
      return own?.containers?.[0]?.cpu?.usageCoreNanoSeconds && own.network?.rxBytes !== undefined && own.memory?.workingSetBytes ? summary : undefined
    })
    assert.ok(pods.length >= 4)
    const [, address] = /metrics at (http:[^\s"]+)/.exec(cri.server.stderr()) ?? []
    const figures = await (await fetch(address!)).text()
    for (const method of ['GetContainerEvents', 'StreamContainers', 'StreamPodSandboxes', 'StreamImages', 'StreamPodSandboxStats']) assert.match(figures, new RegExp(`method="${method}"`), method)
    // a registry that cannot be reached is UNKNOWN, as the kubelet wants it
    assert.doesNotMatch(figures.replace(/.*method="PullImage",code="UNKNOWN".*/g, ''), /code="(INTERNAL|UNKNOWN|UNIMPLEMENTED)"/)
  })

  const ids = (pod: Pod) => pod.status.containerStatuses!.map(({ name, containerID, restartCount }) => [name, containerID, restartCount]).sort()

  await t.test('containers live through SIGKILL of kubelet and server', async () => {
    const pods = ['host', 'shared', 'own', 'mounts']
    const before = new Map<string, unknown>()
    for (const name of pods) before.set(name, ids(await kubelet.until(name, isReady)))
    await cri.restart('SIGKILL')
    // it ends where no server answers at its start, and with events its first look at a pod may come before its list of them
    await kubelet.restart({ featureGates: { ...FEATURES, EventedPLEG: false } }, 'SIGKILL')
    for (const name of pods) assert.deepEqual(ids(await kubelet.until(name, isReady)), before.get(name), name)
    assert.equal(await out('own', 'main', 'ls /scratch'), 'made\n')
  })

  await t.test('images that nobody uses are collected, but those that are pinned', async () => {
    for (const name of ['batch', 'host', 'shared', 'own', 'mounts']) kubelet.remove(name)
    await eventually('the end of the pods', async () => (await kubelet.pods()).length === 0)
    await kubelet.restart({ evictionHard: { 'imagefs.available': '99%' } })
    await eventually('the collection', async () => {
      const { images } = await cri.images.listImages()
      return images.length === 1 && images[0]!.repoTags[0] === suite.web && images[0]!.pinned
    })
  })
})
