import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { after, describe } from 'node:test'
import { Failure, isFailure, type ErrorKind } from '../errors.ts'
import { builtFile } from '../paths.ts'
import { identify, isAlive, killProcess } from '../process/identity.ts'
import { attach, type Attachment } from './attach.ts'
import { removeMonitorCgroup, reopenLogs, resizeTerminal } from './control.ts'
import { launchExec, type LaunchExecOptions } from './exec.ts'
import { listExits, readExit, waitExit } from './exit.ts'
import { launchMonitor, type LaunchOptions, type MonitorProgram } from './launch.ts'
import { readLogs, type ReadLogsOptions } from './logs.ts'

const dir = mkdtempSync('/tmp/scow-monitor-')
after(() => {
  rmSync(dir, { recursive: true })
  for (const path of ['scow-test/conmon', 'scow-test']) removeMonitorCgroup(path)
})
const rootfs = join(dir, 'rootfs')
for (const name of ['bin', 'proc', 'dev', 'tmp']) mkdirSync(join(rootfs, name), { recursive: true })
cpSync('/bin/busybox', join(rootfs, 'bin/busybox'))
for (const name of ['sh', 'sleep', 'echo', 'cat', 'true', 'stty', 'head', 'seq', 'tee', 'wc', 'md5sum']) symlinkSync('busybox', join(rootfs, 'bin', name))
const RUNC = '/usr/sbin/runc'
const runc = (...args: string[]): string => execFileSync(RUNC, ['--root', join(dir, 'runc'), ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
const failure = (kind: ErrorKind, text = '') => (error: unknown) => isFailure(error, kind) && (error as Failure).message.includes(text)
const explain = (text: string): Failure => new Failure('cannotInvoke', text)
let count = 0
const until = async (holds: () => boolean): Promise<void> => { while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5)) }

const programs: Record<string, MonitorProgram> = {
  'another conmon': { path: '/usr/bin/conmon', ours: false },
  'our monitor': { path: builtFile('conmon'), ours: true },
}

for (const [name, monitor] of Object.entries(programs)) describe(`with ${name}`, () => {
  const exitDir = join(dir, `exits-${monitor.ours}`)
  mkdirSync(exitDir)

  const processOf = (script: string, terminal = false) =>
    ({ args: ['sh', '-c', script], cwd: '/', env: ['PATH=/bin'], user: { uid: 0, gid: 0 }, terminal, capabilities: { bounding: ['CAP_KILL'], effective: ['CAP_KILL'], permitted: ['CAP_KILL'] } })

  const optionsFor = (script: string, more: Partial<LaunchOptions> = {}): LaunchOptions => {
    const id = `m${process.pid}x${count++}`
    const bundle = join(dir, id)
    mkdirSync(bundle)
    writeFileSync(join(bundle, 'config.json'), JSON.stringify({
      ociVersion: '1.0.2', process: processOf(script, more.terminal), root: { path: rootfs },
      mounts: [{ destination: '/proc', type: 'proc', source: 'proc' }, { destination: '/dev', type: 'tmpfs', source: 'tmpfs' },
        { destination: '/dev/pts', type: 'devpts', source: 'devpts', options: ['newinstance', 'ptmxmode=0666', 'mode=0620'] }],
      linux: { cgroupsPath: `/scow-test/${id}`, namespaces: ['pid', 'ipc', 'uts', 'mount', 'network'].map((type) => ({ type })) },
    }))
    return {
      monitor, runtime: RUNC, runtimeArgs: ['--root', join(dir, 'runc')], systemdCgroup: false, explain, id, name: id, bundle,
      log: { driver: 'k8s-file', path: join(bundle, 'log') }, terminal: false, stdin: false, pidFile: join(bundle, 'pid'),
      monitorPidFile: join(bundle, 'conmon.pid'), persistDir: bundle, exitDir, cgroup: { manager: 'cgroupfs', path: `scow-test/monitor-${id}` }, ...more,
    }
  }
  const launched = async (script: string, more: Partial<LaunchOptions> = {}) => {
    const options = optionsFor(script, more)
    const both = await launchMonitor(options)
    return { ...both, options, dirs: { exitDir, persistDir: options.persistDir, id: options.id }, monitor: identify(both.monitorPid)! }
  }
  const logOf = (o: LaunchOptions): string => readFileSync(join(o.bundle, 'log'), 'utf8').replaceAll(/^\S+ /gm, '')
  const end = (id: string): void => { runc('delete', '--force', id) }
  const everything = async (attachment: Attachment): Promise<{ stdout: string; stderr: string }> => {
    const all = { stdout: '', stderr: '' }
    for await (const { stream, data } of attachment.output) all[stream] += data.toString()
    return all
  }
  const execOptions = (o: LaunchOptions, script: string, more: Partial<LaunchExecOptions> = {}): LaunchExecOptions => {
    const session = join(o.bundle, `exec${count++}`)
    mkdirSync(session)
    writeFileSync(join(session, 'process.json'), JSON.stringify(script === '' ? { ...processOf(''), args: ['nosuch'] } : processOf(script, more.terminal)))
    return { ...o, sessionId: `s${count}`, dir: session, processFile: join(session, 'process.json'), attach: true, persistDir: session, exitDir: session,
      pidFile: join(session, 'pid'), monitorPidFile: join(session, 'conmon.pid'), log: { driver: 'none' }, ...more }
  }

  test('a container is created, runs, and its code and output are kept', async () => {
    const { pid, monitor: conmon, options, dirs } = await launched('echo out; echo err >&2; exit 7')
    assert.ok(isAlive(identify(pid)!))
    assert.equal(readExit(dirs), undefined)
    const before = BigInt(Date.now()) * 1_000_000n
    runc('start', options.id)
    const exit = await waitExit(dirs, { monitor: conmon })
    assert.deepEqual([exit?.exitCode, exit?.oomKilled], [7, false])
    assert.ok(exit!.finishedAtNs >= before - 20_000_000n)
    await until(() => listExits(exitDir).includes(options.id))
    assert.deepEqual(logOf(options).trim().split('\n').sort(), ['stderr F err', 'stdout F out'])
    end(options.id)
  })

  test('the monitor leaves the cgroup of its caller', async () => {
    const { monitorPid, options } = await launched('sleep 100')
    const own = readFileSync('/proc/self/cgroup', 'utf8').split('\n').filter((line) => !line.endsWith(':/') && line !== '')
    const its = readFileSync(`/proc/${monitorPid}/cgroup`, 'utf8')
    for (const line of own) assert.ok(!its.includes(line), line)
    end(options.id)
  })

  test('what the runtime says when it refuses is the failure', async () => {
    const options = optionsFor('true')
    writeFileSync(join(options.bundle, 'config.json'), readFileSync(join(options.bundle, 'config.json'), 'utf8').replace('"args":["sh"', '"args":["nosuch"'))
    await assert.rejects(launchMonitor(options), failure('cannotInvoke', 'executable file not found'))
    await assert.rejects(launchMonitor({ ...optionsFor('true'), runtime: '/nowhere/runc' }), failure('unavailable', '/nowhere/runc'))
    await assert.rejects(launchMonitor({ ...optionsFor('true'), monitor: { path: '/nowhere/conmon', ours: false } }), failure('notFound', '/nowhere/conmon'))
  })

  test('a runtime that hangs is given up, by deadline or by abort, and nothing of it runs on', async () => {
    const hanging = join(dir, `hang-${monitor.ours}`)
    writeFileSync(hanging, `#!/bin/sh\necho $$ > ${hanging}.pid\nexec sleep 1000\n`, { mode: 0o755 })
    for (const kind of ['timeout', 'cancelled'] as const) {
      const options = { ...optionsFor('true'), runtime: hanging, ...(kind === 'timeout' ? { deadlineMs: 1000 } : { signal: AbortSignal.timeout(1000) }) }
      await assert.rejects(launchMonitor(options), failure(kind))
      for (const file of [`${hanging}.pid`, options.monitorPidFile]) await until(() => identify(Number(readFileSync(file, 'utf8'))) === undefined)
    }
  })

  test('input goes in and output comes out while attached, megabytes of it and with nothing lost', async () => {
    const { options, dirs } = await launched('tee /dev/stderr | md5sum', { stdin: true, log: { driver: 'none' } })
    assert.equal(existsSync(join(options.bundle, 'attach.stream')), monitor.ours)
    const attachment = await attach(options.bundle)
    runc('start', options.id)
    const reading = everything(attachment)
    const input = Buffer.alloc(3_000_000, 'all work and no play\n')
    await attachment.write(input)
    await attachment.end()
    const { stdout, stderr } = await reading
    assert.equal(stderr.length, input.length)
    assert.equal(stdout.trim().split(' ')[0], execFileSync('md5sum', { input, encoding: 'utf8' }).split(' ')[0])
    assert.equal((await waitExit(dirs))?.exitCode, 0)
    attachment.close()
    end(options.id)
  })

  if (monitor.ours) test('a client that does not read holds the process back, and loses nothing', async () => {
    const { options } = await launched('seq 1 400000; echo done > /tmp/done-$HOSTNAME', { log: { driver: 'none' } })
    const attachment = await attach(options.bundle)
    runc('start', options.id)
    await new Promise((resolve) => setTimeout(resolve, 700))
    assert.equal(existsSync(join(rootfs, 'tmp/done-')), false)
    const { stdout } = await everything(attachment)
    assert.equal(stdout.length, 2_688_895)
    attachment.close()
    end(options.id)
  })

  test('a client that detaches leaves the container running, and another may attach', async () => {
    const { options } = await launched('while read line; do echo "got $line"; done', { stdin: true, leaveStdinOpen: true })
    const first = await attach(options.bundle)
    runc('start', options.id)
    await first.write(Buffer.from('one\n'))
    const said = await first.output.next()
    assert.equal(said.value?.data.toString(), 'got one\n')
    first.close()
    await using second = await attach(options.bundle)
    await second.write(Buffer.from('two\n'))
    assert.equal((await second.output.next()).value?.data.toString(), 'got two\n')
    end(options.id)
    await everything(second)
    await assert.rejects(attach(join(dir, 'nothing')), failure('wrongState'))
  })

  test('a terminal has the size that it is given', async () => {
    const { options, dirs, monitor: conmon } = await launched('until stty size | grep -q 111; do sleep 0.05; done; stty size', { terminal: true, stdin: true })
    const attachment = await attach(options.bundle)
    runc('start', options.id)
    const reading = everything(attachment)
    await attachment.resize({ rows: 33, columns: 111 })
    assert.match((await reading).stdout, /33 111\r\n/)
    assert.equal((await waitExit(dirs))?.exitCode, 0)
    attachment.close()
    await until(() => !isAlive(conmon))
    await assert.rejects(resizeTerminal(options.bundle, { rows: 1, columns: 1 }), failure('wrongState'))
    end(options.id)
  })

  test('logs are opened anew after they were renamed', async () => {
    const { options } = await launched('echo before; read go; echo after', { stdin: true })
    const attachment = await attach(options.bundle)
    runc('start', options.id)
    await attachment.output.next()
    await until(() => logOf(options).includes('before'))
    execFileSync('mv', [join(options.bundle, 'log'), join(options.bundle, 'old')])
    await reopenLogs(options.bundle)
    await until(() => existsSync(join(options.bundle, 'log')))
    await attachment.write(Buffer.from('\n'))
    await everything(attachment)
    attachment.close()
    assert.match(logOf(options), /stdout F after/)
    end(options.id)
  })

  test('a process is added to it, attached, with its input, streams and code', async () => {
    const { options } = await launched('sleep 100')
    runc('start', options.id)
    const session = await launchExec(execOptions(options, 'cat; echo err >&2; exit 9', { stdin: true }))
    assert.ok(session.pid > 1)
    await session.attachment!.write(Buffer.from('in'))
    await session.attachment!.end()
    assert.deepEqual(await everything(session.attachment!), { stdout: 'in', stderr: 'err\n' })
    assert.equal(await session.exitCode(), 9)
    session.attachment!.close()

    await assert.rejects(launchExec(execOptions(options, '')), failure('cannotInvoke', 'executable file not found'))
    await assert.rejects(launchExec(execOptions(options, '', { attach: false })), failure('cannotInvoke', 'executable file not found'))

    const killed = await launchExec(execOptions(options, 'kill -9 $$', { attach: false }))
    assert.equal(await killed.exitCode(), 137)

    const late = await launchExec(execOptions(options, 'sleep 100', { attach: false, timeoutSeconds: 1 }))
    await assert.rejects(late.exitCode(), failure('timeout'))

    const detached = await launchExec(execOptions(options, 'sleep 100', { attach: false }))
    detached.detach()
    assert.ok(isAlive(identify(detached.pid)!))

    const terminal = await launchExec(execOptions(options, 'stty size; test -t 1', { terminal: true, stdin: true }))
    await everything(terminal.attachment!)
    assert.equal(await terminal.exitCode(), 0)
    end(options.id)
  })

  test('a monitor that was killed is noticed by who waits', async () => {
    const { options, dirs, monitor: conmon } = await launched('sleep 100')
    runc('start', options.id)
    killProcess(conmon, 'SIGKILL')
    assert.equal(await waitExit(dirs, { monitor: conmon }), undefined)
    await assert.rejects(waitExit(dirs, { signal: AbortSignal.timeout(20) }), failure('cancelled'))
    end(options.id)
  })

  test('the exit program is started with its arguments', async () => {
    const { options } = await launched('exit 0', { exitCommand: ['/bin/sh', '-c', `echo "$0" > ${dir}/exit-ran-${monitor.ours}`, 'argument'] })
    runc('start', options.id)
    const file = `${dir}/exit-ran-${monitor.ours}`
    await until(() => existsSync(file) && readFileSync(file, 'utf8') !== '')
    assert.equal(readFileSync(file, 'utf8'), 'argument\n')
    end(options.id)
  })
})

test('our monitor writes json and keeps rotated files', async () => {
  const bundle = join(dir, 'rotating')
  mkdirSync(bundle)
  const id = `rot${process.pid}`
  const path = join(bundle, 'log')
  writeFileSync(join(bundle, 'config.json'), JSON.stringify({
    ociVersion: '1.0.2', process: { args: ['sh', '-c', 'for i in $(seq 1 400); do echo "a line of text with the number $i"; done'], cwd: '/', env: ['PATH=/bin'], user: { uid: 0, gid: 0 } },
    root: { path: rootfs }, mounts: [{ destination: '/proc', type: 'proc', source: 'proc' }],
    linux: { cgroupsPath: `/scow-test/${id}`, namespaces: ['pid', 'mount'].map((type) => ({ type })) },
  }))
  await launchMonitor({
    monitor: programs['our monitor']!, runtime: RUNC, runtimeArgs: ['--root', join(dir, 'runc')], systemdCgroup: false, explain, id, name: id, bundle,
    log: { driver: 'json-file', path, maxSizeBytes: 20_000, maxFiles: 5 }, terminal: false, stdin: false, pidFile: join(bundle, 'pid'),
    monitorPidFile: join(bundle, 'conmon.pid'), persistDir: bundle, exitDir: join(dir, 'exits-true'), cgroup: { manager: 'none' },
  })
  const dirs = { exitDir: join(dir, 'exits-true'), persistDir: bundle, id }
  const numbers = async (options: ReadLogsOptions): Promise<string[]> => {
    let all = ''
    for await (const { text, partial } of readLogs({ driver: 'json-file', path, id }, options)) all += `${text}${partial ? '' : '\n'}`
    return all.trim().split('\n').map((line) => line.replace('a line of text with the number ', ''))
  }
  const following = numbers({ follow: true, alive: () => readExit(dirs) === undefined })
  runc('start', id)
  const wanted = Array.from({ length: 400 }, (_, n) => String(n + 1))
  assert.deepEqual(await following, wanted)
  assert.ok(existsSync(`${path}.1`))
  assert.deepEqual(await numbers({ tail: 390 }), wanted.slice(10))
  runc('delete', '--force', id)
})

test('who gives our monitor a socket is attached from the start, and no other process gets it', async () => {
  const bundle = join(dir, 'client')
  mkdirSync(bundle)
  const id = `client${process.pid}`
  writeFileSync(join(bundle, 'config.json'), JSON.stringify({
    ociVersion: '1.0.2', process: { args: ['sh', '-c', 'ls /proc/self/fd | wc -l; cat; exit 4'], cwd: '/', env: ['PATH=/bin'], user: { uid: 0, gid: 0 } },
    root: { path: rootfs }, mounts: [{ destination: '/proc', type: 'proc', source: 'proc' }],
    linux: { cgroupsPath: `/scow-test/${id}`, namespaces: ['pid', 'mount'].map((type) => ({ type })) },
  }))
  const { attachment } = await launchMonitor({
    monitor: programs['our monitor']!, runtime: RUNC, runtimeArgs: ['--root', join(dir, 'runc')], systemdCgroup: false, explain, id, name: id, bundle,
    log: { driver: 'none' }, terminal: false, stdin: true, client: true, pidFile: join(bundle, 'pid'), monitorPidFile: join(bundle, 'conmon.pid'),
    persistDir: bundle, exitDir: join(dir, 'exits-true'), cgroup: { manager: 'none' },
  })
  runc('start', id)
  await attachment!.write(Buffer.from('through\n'))
  await attachment!.end()
  let output = ''
  for await (const { data } of attachment!.output) output += data.toString()
  attachment!.close()
  assert.equal(output, '4\nthrough\n') // 0, 1, 2 and the folder itself
  runc('delete', '--force', id)
})

test('another conmon is not asked for what only ours can', async () => {
  await assert.rejects(launchMonitor({ log: { driver: 'json-file', path: '/x' }, monitor: { path: '/usr/bin/conmon', ours: false }, runtimeArgs: [],
    persistDir: dir, exitDir: dir, id: 'x', pidFile: join(dir, 'p'), monitorPidFile: join(dir, 'm') } as unknown as LaunchOptions), failure('unsupported', 'json-file'))
})
