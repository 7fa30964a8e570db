// Every flag of run and create does what it says: seen from inside the container, or in the spec that the runtime got.
import '../support/jail.ts'
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { createOptions } from '../../src/commands/container/options/create-options.ts'
import { eventually, type Box } from '../support/box.ts'
import { openSuite } from '../support/suite.ts'

const suite = openSuite()

/** A flag, a shell command in the container, and what it prints. `@` is the box's folder, `%` the registry. */
type Row = readonly [flags: string, command: string, prints: string | RegExp]

const cgroup = (v1: string, v2: string): string => `cat /sys/fs/cgroup/${v1} 2>/dev/null || cat /sys/fs/cgroup/${v2}`

const BATCHES: Readonly<Record<string, readonly Row[]>> = {
  'files and mounts': [
    ['--tmpfs /t:size=1m,mode=0700', 'stat -c %a /t; grep -o " /t tmpfs.*size=[0-9]*k" /proc/mounts | grep -o size.*', '700\nsize=1024k'],
    ['--mount type=tmpfs,dst=/m1,tmpfs-size=2m,tmpfs-mode=1770', 'stat -c %a /m1; grep " /m1 " /proc/mounts | grep -o size=2048k', '1770\nsize=2048k'],
    ['--mount type=bind,src=@/shared,dst=/m2,ro', 'cat /m2/file; touch /m2/x 2>&1 | grep -o Read-only', 'shared\nRead-only'],
    ['--mount type=volume,src=vol,dst=/m3', 'touch /m3/x && grep -c " /m3 " /proc/mounts', '1'],
    ['--mount type=image,src=%/busybox:1,dst=/m4', 'cat /m4/data/from-image', 'image'],
    ['--mount type=devpts,dst=/m5', 'grep " /m5 " /proc/mounts | cut -d" " -f3', 'devpts'],
    ['--mount type=mqueue,dst=/m6', 'grep " /m6 " /proc/mounts | cut -d" " -f3', 'mqueue'],
    ['--volume @/shared:/v1:ro,z', 'cat /v1/file; grep -c " /v1 .* ro," /proc/mounts', 'shared\n1'],
    ['-v /unnamed', 'grep -c " /unnamed " /proc/mounts', '1'],
    ['-v copied:/data', 'cat /data/from-image', 'image'],
    ['--volumes-from giver:ro', 'cat /given/file; touch /given/y 2>&1 | grep -o Read-only', 'given\nRead-only'],
    ['--device /dev/null:/dev/mynull:rw', 'test -c /dev/mynull && echo x >/dev/mynull && echo device', 'device'],
    ['--shm-size 2m', 'grep " /dev/shm " /proc/mounts | grep -o size=[0-9]*k', 'size=2048k'],
    ['--no-hostname', 'grep -c " /etc/hostname " /proc/mounts', '0'],
    ['--hosts-file none --add-host other:1.2.3.4', 'grep other /etc/hosts | tr "\\t" " "', '1.2.3.4 other'],
  ],
  'a stranger': [['--user 77:88 --passwd-entry extra:x:77:88::/:/bin/sh --group-entry crew:x:88:', 'grep ^extra /etc/passwd; grep ^crew /etc/group', 'extra:x:77:88::/:/bin/sh\ncrew:x:88:']],
  'identity and process': [
    ['--user ada:boats --group-add 4444', 'id -u; id -g; id -G | tr " " "\\n" | grep 4444', '1000\n2000\n4444'],
    ['--workdir /home/ada', 'pwd', '/home/ada'],
    ['--umask 0027', 'umask', '0027'],
    ['--ulimit nofile=111:222,core=0', 'ulimit -Sn; ulimit -Hn; ulimit -c', '111\n222\n0'],
    ['--env A=1 -e B --env-file @/env --env-merge PATH=${PATH}:/extra', 'echo $A $B $FILE; echo $PATH', '1 outer 3\n/bin:/extra'],
    ['--unsetenv container', 'echo "[$container]"', '[]'],
    ['--tz Asia/Tokyo', 'cmp /etc/localtime /v/Asia/Tokyo && echo same', 'same'],
    ['-v /usr/share/zoneinfo:/v:ro', 'true', ''],
    ['--oom-score-adj 321', 'cat /proc/self/oom_score_adj', '321'],
    ['--init --init-path @/init', 'tr "\\0" " " </proc/1/cmdline | grep -o init', /init/],
    ['--hostname h1 --no-hosts', 'hostname; cat /etc/hostname', 'h1\nh1'],
    ['--label x=1 --label-file @/labels --annotation note=hello', 'true', ''],
  ],
  rights: [
    ['--cap-add SYS_TIME --cap-drop CHOWN', 'touch /tmp/a; chown 1 /tmp/a 2>/dev/null && echo yes || echo no; grep -o CapBnd.* /proc/self/status', /^no\nCapBnd:\s*00000000820405fa$/],
    ['--security-opt no-new-privileges', 'grep NoNewPrivs /proc/self/status | grep -o 1', '1'],
    ['--security-opt seccomp=unconfined', 'grep Seccomp: /proc/self/status | grep -o [0-9]', '0'],
    ['--security-opt mask=/proc/version', 'cat /proc/version | wc -c', '0'],
    ['--read-only', 'touch /x 2>&1 | grep -o Read-only; touch /tmp/x && echo tmp', 'Read-only\ntmp'],
    ['--sysctl net.core.somaxconn=77', 'cat /proc/sys/net/core/somaxconn', '77'],
    ['--device-cgroup-rule "c 10:200 rwm"', 'true', ''],
    ['--pid host', 'test $$ != 1 && echo host', 'host'],
    ['--uts host', 'hostname', 'jail'],
    ['--cgroupns private', 'cut -d: -f3 /proc/self/cgroup | sort -u', '/'],
  ],
  limits: [
    ['--memory 64m', cgroup('memory/memory.limit_in_bytes', 'memory.max'), '67108864'],
    ['--memory-reservation 32m', cgroup('memory/memory.soft_limit_in_bytes', 'memory.low'), '33554432'],
    ['--memory-swap 64m', cgroup('memory/memory.memsw.limit_in_bytes', 'memory.swap.max'), /^(67108864|0|)$/],
    ['--cpus 0.5', `${cgroup('cpu/cpu.cfs_quota_us', 'cpu.max')}`, /^50000/],
    ['--cpu-shares 300', cgroup('cpu/cpu.shares', 'cpu.weight'), /^(300|12)$/],
    ['--cpuset-cpus 0 --cpuset-mems 0', cgroup('cpuset/cpuset.cpus', 'cpuset.cpus'), '0'],
    ['--pids-limit 40', cgroup('pids/pids.max', 'pids.max'), '40'],
    ['--ip 10.77.0.9 --mac-address 02:00:00:00:00:09', 'ip addr show dev eth0 | grep -oE "ether [^ ]*|inet [0-9./]*"', 'ether 02:00:00:00:00:09\ninet 10.77.0.9/24'],
    ['--dns 9.9.9.9 --dns-search example.org --dns-option ndots:2', 'cat /etc/resolv.conf', /search example\.org[^]*nameserver 9\.9\.9\.9[^]*options ndots:2|/],
    ['--hostname box1', 'grep -c "10.77.0.9.*box1" /etc/hosts', '1'],
  ],
}

/** Flags of a batch that are for the container as a whole. */
const WHOLE: Readonly<Record<string, readonly string[]>> = {
  'files and mounts': ['--network', 'none'], 'a stranger': ['--network', 'none'], 'identity and process': ['--network', 'none'], rights: ['--network', 'bridge'], limits: ['--network', 'lan', '--network-alias', 'al'],
}

/** Flags that the tests below, other test files, or nobody can show. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  '--replace': 'test/e2e', '--rm': 'test/e2e', '--interactive': 'test/e2e', '--tty': 'test/e2e', '--restart': 'test/e2e', '--requires': 'test/e2e', '--cidfile': 'test/e2e', '--pidfile': 'test/e2e', '--conmon-pidfile': 'test/e2e',
  '--attach': 'test/e2e', '--quiet': 'test/e2e', '--no-healthcheck': 'there are no health checks', '--sdnotify': 'needs systemd', '--authfile': 'the registry client\'s tests',
  '--creds': 'the registry client\'s tests', '--cert-dir': 'the registry client\'s tests', '--tls-verify': 'the registry client\'s tests', '--retry': 'the registry client\'s tests', '--retry-delay': 'the registry client\'s tests',
  '--os': 'as --platform', '--variant': 'as --platform', '--disable-content-trust': 'does nothing', '--kernel-memory': 'does nothing', '--rdt-class': 'needs Intel RDT', '--cpu-rt-period': 'needs a kernel with real-time groups', '--cpu-rt-runtime': 'needs a kernel with real-time groups',
  '--ip6': 'the network\'s tests', '--memory-swappiness': 'in the spec', '--oom-kill-disable': 'in the spec', '--publish': 'test/e2e', '--name': 'everywhere', '--privileged': 'test/e2e', '--image-volume': 'needs an image with volumes',
  '--env-host': 'below', '--blkio-weight': 'in the spec', '--blkio-weight-device': 'in the spec', '--cgroup-conf': 'cgroup v2', '--net': 'as --network', '--decryption-key': 'refused', '--gpus': 'test/e2e/gpus.test.ts',
}

const filled = (box: Box, text: string): string => text.replaceAll('@/', `${box.dir}/`).replaceAll('%/', `${suite.registry.host}/`)
const words = (text: string): string[] => [...text.trim().matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain!)

async function prepare(t: TestContext): Promise<Box> {
  const box = await suite.box(t, { env: { B: 'outer' } })
  mkdirSync(join(box.dir, 'shared'))
  writeFileSync(join(box.dir, 'shared/file'), 'shared\n')
  writeFileSync(join(box.dir, 'env'), 'FILE=3\n')
  writeFileSync(join(box.dir, 'init'), '#!/bin/sh\nshift\n"$@"\n', { mode: 0o755 })
  writeFileSync(join(box.dir, 'labels'), '# comment\ny=2\n')
  return box
}

test('flags of run, seen from inside', async (t) => {
  const box = await prepare(t)
  await box.ok('network', 'create', '--subnet', '10.77.0.0/24', 'lan')
  await box.ok('run', '--name', 'giver', '--network', 'none', '-v', 'gift:/given', suite.busybox, 'sh', '-c', 'echo given >/given/file')
  for (const [name, rows] of Object.entries(BATCHES)) {
    const script = rows.map(([, command]) => `echo "=== row"; ( ${command} ) 2>&1`).join('\n')
    const result = await box.scow(['run', ...WHOLE[name]!, ...rows.flatMap(([flags]) => words(filled(box, flags))), '--name', name.replaceAll(' ', '-'), suite.busybox, 'sh', '-c', script])
    const printed = result.stdout.split('=== row\n').slice(1)
    for (const [at, [flags, command, prints]] of rows.entries()) {
      await t.test(`${name}: ${flags}`, () => {
        const text = (printed[at] ?? `nothing: ${result.stderr}`).trimEnd()
        if (typeof prints === 'string') assert.equal(text, prints, `${command}\n${result.stderr}`)
        else assert.match(text, prints, `${command}\n${result.stderr}`)
      })
    }
  }
  await t.test('labels and annotations are in inspect', async () => {
    assert.equal(await box.ok('inspect', '-f', '{{.Config.Labels.x}}{{.Config.Labels.y}} {{.Config.Annotations.note}}', 'identity-and-process'), '12 hello')
    assert.match(await box.ok('inspect', '-f', '{{range .NetworkSettings.Networks}}{{.Aliases}}{{end}} {{.HostConfig.NetworkMode}}', 'limits'), /bridge/)
  })
})

test('flags of create are in the spec that the runtime gets', async (t) => {
  const box = await prepare(t)
  const disk = execFileSync('lsblk', ['-dnpo', 'NAME,TYPE'], { encoding: 'utf8' }).split('\n').map((line) => line.split(/\s+/)).find(([, type]) => type === 'disk')?.[0]
  const throttles = disk ? ['--device-read-bps', `${disk}:1mb`, '--device-write-bps', `${disk}:2mb`, '--device-read-iops', `${disk}:100`, '--device-write-iops', `${disk}:200`] : []
  await box.ok('run', '-d', '--name', 'c', '--network', 'none', '--cgroup-parent', '/mine', '--cpu-period', '50000', '--cpu-quota', '20000', '--device-cgroup-rule', 'c 10:200 rwm', '--security-opt', 'unmask=ALL',
    '--stop-signal', 'USR1', '--stop-timeout', '7', '--read-only', '--read-only-tmpfs=false', '--ipc', 'private', '--cgroups', 'enabled', '--personality', 'LINUX32', ...throttles, suite.busybox, 'sleep', '1000')
  const file = await box.ok('inspect', '-f', '{{.OCIConfigPath}}', 'c')
  const spec = JSON.parse(readFileSync(file, 'utf8'))
  assert.match(spec.linux.cgroupsPath, /^\/mine\//)
  assert.deepEqual([spec.linux.resources.cpu.period, spec.linux.resources.cpu.quota], [50_000, 20_000])
  assert.ok(spec.linux.resources.devices.some(({ major, minor, allow }: { major: number; minor: number; allow: boolean }) => major === 10 && minor === 200 && allow))
  assert.deepEqual(spec.linux.maskedPaths ?? [], [])
  assert.equal(spec.root.readonly, true)
  assert.equal(spec.linux.personality.domain, 'LINUX32')
  assert.equal(spec.mounts.some(({ destination }: { destination: string }) => destination === '/tmp'), false)
  if (disk) assert.deepEqual([spec.linux.resources.blockIO.throttleReadBpsDevice[0].rate, spec.linux.resources.blockIO.throttleWriteIOPSDevice[0].rate], [1 << 20, 200])
  assert.equal(await box.ok('inspect', '-f', '{{.Config.StopSignal}} {{.Config.StopTimeout}} {{.HostConfig.CgroupParent}}', 'c'), '10 7 /mine')
  await box.ok('rm', '-f', '-t', '0', 'c')
  for (const hierarchy of ['/sys/fs/cgroup/*/mine', '/sys/fs/cgroup/mine']) execFileSync('sh', ['-c', `rmdir ${hierarchy} 2>/dev/null || :`])
})

test('namespaces are shared as --pid, --ipc, --uts, --network and --cgroupns say', async (t) => {
  const box = await prepare(t)
  await box.ok('run', '-d', '--name', 'a', '-h', 'shared', suite.busybox, 'sleep', '1000')
  const of = async (...flags: string[]) => (await box.ok('run', '--rm', ...flags, suite.busybox, 'sh', '-c', 'for n in pid ipc uts net; do readlink /proc/self/ns/$n; done')).split('\n')
  const own = (await box.ok('exec', 'a', 'sh', '-c', 'for n in pid ipc uts net; do readlink /proc/self/ns/$n; done')).split('\n')
  assert.deepEqual(await of('--pid', 'container:a', '--ipc', 'container:a', '--uts', 'container:a', '--network', 'container:a'), own)
  const host = ['pid', 'ipc', 'uts', 'net'].map((name) => execFileSync('readlink', [`/proc/self/ns/${name}`], { encoding: 'utf8' }).trim())
  assert.deepEqual(await of('--pid', 'host', '--ipc', 'host', '--uts', 'host', '--network', 'host'), host)
  const alone = await of('--network', 'none')
  for (const [at, namespace] of alone.entries()) assert.ok(namespace !== host[at] && namespace !== own[at])
  assert.equal(await box.ok('run', '--rm', '--ipc', 'none', '--network', 'none', suite.busybox, 'sh', '-c', 'grep -c " /dev/shm " /proc/mounts || :'), '0')
  await box.ok('exec', 'a', 'sh', '-c', 'echo seen >/dev/shm/file')
  assert.equal(await box.ok('run', '--rm', '--ipc', 'container:a', '--network', 'none', suite.busybox, 'cat', '/dev/shm/file'), 'seen')
})

test('entrypoint, logs, time limits, images, standard input and the rest of run', async (t) => {
  const box = await prepare(t)
  const run = (...args: string[]) => box.ok('run', '--rm', '--network', 'none', ...args)
  await t.test('--entrypoint takes a word, or a JSON array', async () => {
    assert.equal(await run('--entrypoint', '["/bin/echo","a b"]', suite.busybox, 'c'), 'a b c')
    assert.equal(await run('--entrypoint', '/bin/echo', suite.busybox, 'c'), 'c')
    assert.equal(await run('--entrypoint', '', suite.probe, '/probe', 'exit', '0'), '')
  })
  await t.test('--timeout kills', async () => { await box.fails(255, 'run', '--rm', '--network', 'none', '--timeout', '1', suite.busybox, 'sleep', '100') })
  await t.test('--log-driver none and json-file, --log-opt path', async () => {
    await box.ok('run', '--name', 'silent', '--network', 'none', '--log-driver', 'none', suite.busybox, 'echo', 'x')
    assert.match(await box.fails(125, 'logs', 'silent'), /none/)
    await box.ok('run', '--name', 'json', '--network', 'none', '--log-driver', 'json-file', '--log-opt', `path=${box.dir}/own.log`, suite.busybox, 'echo', 'x')
    assert.match(readFileSync(join(box.dir, 'own.log'), 'utf8'), /"log":"x\\n"/)
    assert.equal(await box.ok('logs', 'json'), 'x')
  })
  await t.test('--pull, --platform and --arch choose the image', async () => {
    assert.match(await box.fails(125, 'run', '--pull', 'never', `${suite.registry.host}/form:oci`), /^Error: .*\n$/)
    assert.equal(await run('--pull', 'always', '-q', suite.busybox, 'echo', 'x'), 'x')
    assert.equal(await run('--pull', 'newer', '-q', suite.busybox, 'echo', 'x'), 'x')
    await box.ok('create', '-q', '--name', 'arm', '--platform', 'linux/arm64', `${suite.registry.host}/form:index`)
    assert.equal(await box.ok('image', 'inspect', '-f', '{{.Architecture}}', await box.ok('inspect', '-f', '{{.Image}}', 'arm')), 'arm64')
    assert.match(await box.fails(125, 'create', '-q', '--arch', 's390x', `${suite.registry.host}/form:index`), /s390x/)
  })
  await t.test('--preserve-fds passes files on', async () => {
    const result = await box.start(['x'], {}).end().then(() => execFileSync('sh', ['-c', `exec 3<${box.dir}/env; exec "$@"`, 'sh', ...box.command, 'run', '--rm', '--network', 'none', '--preserve-fds', '1', suite.busybox, 'sh', '-c', 'cat <&3'], { env: box.env, encoding: 'utf8' }))
    assert.equal(result, 'FILE=3\n')
  })
  await t.test('--env-host, --http-proxy and --unsetenv-all', async () => {
    const env = async (...flags: string[]) => (await box.scow(['run', '--rm', '--network', 'none', ...flags, suite.busybox, 'env'], { env: { MINE: '1', http_proxy: 'http://proxy' } })).stdout.split('\n')
    const plain = await env()
    assert.ok(plain.includes('http_proxy=http://proxy') && !plain.includes('MINE=1'))
    assert.ok((await env('--env-host')).includes('MINE=1'))
    assert.ok(!(await env('--http-proxy=false')).includes('http_proxy=http://proxy'))
    assert.ok(!(await env('--unsetenv-all')).some((line) => line === 'PATH=/bin'))
  })
  await t.test('--rootfs runs a folder, --passwd=false leaves /etc/passwd', async () => {
    const tree = join(box.dir, 'tree')
    execFileSync('sh', ['-c', `mkdir -p ${tree}/bin ${tree}/etc ${tree}/proc ${tree}/sys ${tree}/dev && cp /bin/busybox ${tree}/bin/sh && echo root:x:0:0::/:/bin/sh >${tree}/etc/passwd`])
    assert.equal(await run('--passwd=false', '--user', '99', '--rootfs', tree, '/bin/sh', '-c', 'while read -r line; do echo $line; done </etc/passwd'), 'root:x:0:0::/:/bin/sh')
  })
  await t.test('--expose and --publish-all choose free ports', async () => {
    await box.ok('run', '-d', '--name', 'open', '--expose', '99', '--expose', '98/udp', '-P', suite.busybox, 'sleep', '100')
    assert.match(await box.ok('port', 'open'), /^98\/udp -> 0\.0\.0\.0:\d+\n99\/tcp -> 0\.0\.0\.0:\d+$|^99\/tcp -> 0\.0\.0\.0:\d+\n98\/udp -> 0\.0\.0\.0:\d+$/)
  })
  await t.test('--systemd=always prepares for systemd', async () => {
    assert.equal(await run('--systemd', 'always', suite.busybox, 'sh', '-c', 'grep -c "^tmpfs /run " /proc/mounts; echo $container_uuid | wc -c'), '1\n33')
    await box.ok('create', '--name', 'initd', '--systemd', 'always', suite.busybox, 'sh')
    assert.equal(await box.ok('inspect', '-f', '{{.Config.StopSignal}}', 'initd'), '37')
    assert.equal(await run('--systemd', 'always', '--shm-size-systemd', '3m', suite.busybox, 'grep', '-c', 'size=3072k', '/proc/mounts'), '4')
  })
  await t.test('flags of exec', async () => {
    const exec = (...args: string[]) => box.ok('exec', ...args)
    assert.equal(await exec('-e', 'A=1', '--env-file', join(box.dir, 'env'), '-w', '/tmp', '-u', 'ada', 'open', 'sh', '-c', 'echo $A $FILE $(pwd) $(id -un)'), '1 3 /tmp ada')
    assert.match(await exec('--privileged', 'open', 'grep', 'CapEff', '/proc/self/status'), /CapEff:\s*0000[0-9a-f]{2}f/)
    assert.match(await exec('-d', 'open', 'sh', '-c', 'echo done >/tmp/detached'), /^[0-9a-f]{64}$/)
    await eventually('the detached command', async () => (await box.scow(['exec', 'open', 'cat', '/tmp/detached'])).stdout === 'done\n')
    assert.equal((await box.scow(['exec', '-i', 'open', 'cat'], { input: 'typed' })).stdout, 'typed')
    writeFileSync(join(box.dir, 'id'), await box.ok('inspect', '-f', '{{.Id}}', 'open'))
    assert.equal(await exec('--cidfile', join(box.dir, 'id'), 'echo', 'x'), 'x')
  })
})

test('flags that are not there yet are refused with 125 and one line', async (t) => {
  const box = await suite.box(t)
  const options = Object.entries(createOptions).filter(([, option]) => option.refused !== undefined)
  const worker = async () => {
    for (let next = options.shift(); next; next = options.shift()) await refuses(...next)
  }
  async function refuses(name: string, { flags, refused, isSwitch }: (typeof options)[number][1]): Promise<void> {
    const flag = /--[\w-]+/.exec(flags)![0]
    const error = await box.fails(125, 'create', ...(isSwitch ? [flag] : [flag, name === 'seccompPolicy' ? 'default' : '1']), suite.busybox)
    assert.match(error, /^Error: .*\n$/)
    assert.ok(error.includes(refused!), error)
  }
  await Promise.all([worker(), worker(), worker(), worker()])
})

test('every flag of create is shown by this file, or said to be elsewhere', () => {
  const text = readFileSync(import.meta.filename, 'utf8').replace(/const ELSEWHERE[^]*?\n}\n/, '')
  const unshown = Object.values(createOptions).filter(({ refused }) => refused === undefined).flatMap(({ flags }) => {
    const names = [...flags.replace(/ <.*/, '').matchAll(/--?[\w-]+/g)].map(([name]) => name)
    return names.some((name) => new RegExp(`['" ]${name}[ '"=]`).test(text) || name in ELSEWHERE) ? [] : [names.at(-1)]
  })
  assert.deepEqual(unshown, [])
})
