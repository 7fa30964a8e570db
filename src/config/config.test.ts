import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import test, { after } from 'node:test'
import { loadConfig, type Config, type ConfigFlags } from '../config.ts'
import { readEnvironment } from '../environment.ts'
import { parseSize } from './reader.ts'
import { parseUlimit } from './sections.ts'
import { builtFile } from '../paths.ts'
import { toldWhile } from '../told-fixture.ts'

const top = mkdtempSync(join(tmpdir(), 'scow-config-'))
after(() => rmSync(top, { recursive: true, force: true }))
let count = 0

interface Setup { files?: Record<string, string>; env?: Record<string, string>; flags?: ConfigFlags; uid?: number }

/** Loads with the given files below share/, etc/ and home/ of a folder of its own; `DIR` in texts and variables is that folder. */
function load({ files = {}, env = {}, flags = {}, uid = 0 }: Setup = {}): Config & { dir: string } {
  const dir = join(top, String(count++))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true })
    writeFileSync(join(dir, name), text)
  }
  const variables = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, value.replaceAll('DIR', dir)]))
  const config = loadConfig({
    flags, environment: readEnvironment({ HOME: '/home/u', ...variables }, uid), places: { share: join(dir, 'share'), etc: join(dir, 'etc'), home: join(dir, 'home') },
  })
  return Object.assign(Object.create(config) as Config, { dir })
}

const CONF = 'containers/containers.conf'

test('without any file everything has a default', () => {
  const config = load()
  assert.deepEqual(config.files, [])
  assert.deepEqual(config.roots, { root: '/var/lib/scow', runRoot: '/run/scow' })
  assert.deepEqual([config.engine.runtime, config.engine.stopTimeoutSeconds, config.engine.detachKeys], ['runc', 10, 'ctrl-p,ctrl-q'])
  assert.deepEqual([config.containers.pidsLimit, config.containers.shmSizeBytes, config.containers.umask], [2048, 67_108_864, 0o022])
  assert.deepEqual([config.network.defaultNetwork, config.storage.driver, config.engine.conmonPaths[0]], ['scow', '', builtFile('conmon')])
})

test('later files win key by key: vendor, machine, drop-ins by name, user, scow.toml', () => {
  const text = (limit: number, more = '') => `[containers]\npids_limit = ${limit}\n${more}`
  const files = {
    [`share/${CONF}`]: text(1, 'log_tag = "vendor"\ntz = "local"\n'),
    [`etc/${CONF}`]: text(2, 'tz = "UTC"\n'),
    'etc/containers/containers.conf.d/20-b.conf': text(4),
    'etc/containers/containers.conf.d/10-a.conf': text(3),
    'etc/containers/containers.conf.d/30-c.conf.bak': text(99),
    [`home/${CONF}`]: text(5),
  }
  const { containers, files: read, dir } = load({ files })
  assert.deepEqual([containers.pidsLimit, containers.logTag, containers.timezone], [4, 'vendor', 'UTC'])
  assert.deepEqual(read.map((file) => file.slice(dir.length + 1)), [`share/${CONF}`, `etc/${CONF}`, 'etc/containers/containers.conf.d/10-a.conf', 'etc/containers/containers.conf.d/20-b.conf'])
  assert.equal(load({ files, uid: 1000 }).containers.pidsLimit, 5)
  assert.equal(load({ files: { ...files, 'etc/scow/scow.toml': text(6) } }).containers.pidsLimit, 6)
  assert.equal(load({ files: { ...files, 'etc/scow/scow.toml': text(6), 'home/scow/scow.toml': text(7) } }).containers.pidsLimit, 7)
})

test('CONTAINERS_CONF replaces the usual files, CONTAINERS_CONF_OVERRIDE comes after them', () => {
  const files = { [`etc/${CONF}`]: '[containers]\npids_limit = 2\nlog_tag = "etc"', 'one.conf': '[containers]\npids_limit = 9' }
  const only = load({ files, env: { CONTAINERS_CONF: 'DIR/one.conf' } }).containers
  assert.deepEqual([only.pidsLimit, only.logTag], [9, ''])
  const last = load({ files, env: { CONTAINERS_CONF_OVERRIDE: 'DIR/one.conf' } }).containers
  assert.deepEqual([last.pidsLimit, last.logTag], [9, 'etc'])
  assert.throws(() => load({ env: { CONTAINERS_CONF: 'DIR/missing' } }), { kind: 'notFound', message: /missing isn't there/ })
})

test('roots come from flags, then the environment, then scow.toml, never from storage.conf', () => {
  const files = { 'etc/scow/scow.toml': 'root = "/toml/"\n[engine]\nrunroot = "/toml-run"\n', 'etc/containers/storage.conf': '[storage]\ngraphroot = "/podman"\nrunroot = "/podman-run"\n' }
  assert.deepEqual(load({ files }).roots, { root: '/toml', runRoot: '/toml-run' })
  const env = { SCOW_ROOT: '/env', SCOW_RUNROOT: '/env-run' }
  assert.deepEqual(load({ files, env }).roots, { root: '/env', runRoot: '/env-run' })
  assert.deepEqual(load({ files, env, flags: { root: '/flag', runroot: '/flag-run' } }).roots, { root: '/flag', runRoot: '/flag-run' })
  assert.throws(() => load({ flags: { root: 'rel' } }).roots, { kind: 'invalid', message: /absolute path/ })
  assert.deepEqual(load({ uid: 1000, env: { XDG_RUNTIME_DIR: '/run/user/1000' } }).roots, { root: '/home/u/.local/share/scow', runRoot: '/run/user/1000/scow' })
  assert.equal(load({ uid: 1000 }).roots.runRoot, '/tmp/scow-run-1000/scow')
})

test('values of all kinds are read', () => {
  const { containers, engine, network } = load({ files: { [`etc/${CONF}`]: `
[containers]
default_capabilities = ["CAP_CHOWN", "kill"]
default_ulimits = ["nofile=10:20", "core=-1"]
default_sysctls = []
env = ["A=1", "B=x=y"]
shm_size = "1.5g"
log_size_max = 1024
log_driver = "journald"
umask = "0077"
volumes = ["/a:/b:ro"]
init_path = "/my/init"
[engine]
runtime = "crun"
hooks_dir = ["/hooks"]
pull_policy = "newer"
[engine.runtimes]
crun = ["/opt/crun"]
mine = ["/opt/mine"]
[network]
default_network = "lan"
default_subnet_pools = [{"base" = "10.1.0.0/16", "size" = 26}]
cni_plugin_dirs = ["/plugins"]
` }, env: { CNI_PATH: '/first:/second' } })
  assert.deepEqual(containers.capabilities, ['CHOWN', 'KILL'])
  assert.deepEqual(containers.rlimits, [{ type: 'RLIMIT_NOFILE', soft: 10, hard: 20 }, { type: 'RLIMIT_CORE', soft: -1, hard: -1 }])
  assert.deepEqual([containers.sysctls, containers.env], [[], [['A', '1'], ['B', 'x=y']]])
  assert.deepEqual([containers.shmSizeBytes, containers.logSizeMaxBytes, containers.logDriver, containers.umask], [1.5 * 2 ** 30, 1024, 'journald', 0o077])
  assert.deepEqual([engine.runtime, engine.runtimes['crun'], engine.runtimes['mine'], engine.hooksDirs], ['crun', ['/opt/crun'], ['/opt/mine'], ['/hooks']])
  assert.ok(engine.runtimes['runc']!.includes('/usr/sbin/runc'))
  assert.deepEqual([engine.pullPolicy, engine.initPaths[0]], ['newer', '/my/init'])
  assert.deepEqual(network, {
    cniPluginDirs: ['/first', '/second', '/plugins'], configDirs: ['/etc/cni/net.d'], defaultNetwork: 'lan', defaultSubnet: '', defaultSubnetPools: [{ base: '10.1.0.0/16', size: 26 }],
  })
})

test('a list replaces that of earlier files, or adds to it when it says so', () => {
  const first = { [`share/${CONF}`]: '[containers]\nenv = ["A=1"]\n' }
  const env = (text: string) => load({ files: { ...first, [`etc/${CONF}`]: `[containers]\nenv = ${text}\n` } }).containers.env
  assert.deepEqual(env('["B=2"]'), [['B', '2']])
  assert.deepEqual(env('["B=2", {append=true}]'), [['A', '1'], ['B', '2']])
  assert.deepEqual(env('["B=2", {append=false}]'), [['B', '2']])
})

test('broken TOML names file and line of the file as it is written', () => {
  assert.throws(() => load({ files: { [`etc/${CONF}`]: '# comment\n\n[containers]\n# more\npids_limit = = 3\n' } }), (error: Error) => {
    assert.match(error.message, /containers\.conf:5: /)
    assert.ok(!error.message.includes('\n'))
    return true
  })
})

test('a wrong type names file, section and key in one line', () => {
  const failing = (section: 'containers' | 'engine' | 'network', text: string) => {
    const config = load({ files: { [`etc/${CONF}`]: `[${section}]\n${text}\n` } })
    try {
      void config[section]
    } catch (error) {
      return (error as Error).message.replace(config.dir, '')
    }
    return 'nothing failed'
  }
  assert.equal(failing('containers', 'pids_limit = "many"'), '/etc/containers/containers.conf: [containers] pids_limit must be a whole number, not "many"')
  assert.match(failing('containers', 'env = ["A"]'), /env must be a list of "name=value"/)
  assert.match(failing('containers', 'env = "A=1"'), /env must be a list of strings/)
  assert.match(failing('containers', 'shm_size = "lots"'), /shm_size must be a size like 64m, not "lots"/)
  assert.match(failing('containers', 'umask = "9"'), /umask must be octal/)
  assert.match(failing('containers', 'default_ulimits = ["nofile"]'), /default_ulimits must be a list like/)
  assert.match(failing('containers', 'log_driver = "syslog"'), /log_driver must be one of k8s-file/)
  for (const key of ['ipcns', 'pidns', 'utsns', 'cgroupns']) assert.match(failing('containers', `${key} = "x"`), new RegExp(`containers\\.conf: \\[containers\\] ${key} must be private, host, container:NAME or ns:/PATH`))
  assert.match(failing('containers', 'default_capabilities = ["kill", "FOO"]'), /default_capabilities must be a list of names of capabilities/)
  assert.match(failing('containers', 'pidns = "shareable"'), /pidns must be/)
  assert.equal(failing('containers', 'ipcns = "none"'), 'nothing failed')
  assert.match(failing('containers', 'http_proxy = 1'), /http_proxy must be true or false/)
  assert.match(failing('engine', 'runtimes = ["x"]'), /runtimes must be a table/)
  assert.match(failing('engine', 'cgroup_manager = "v3"'), /cgroup_manager must be one of systemd, cgroupfs/)
  for (const text of ['foo', '10.1.0.0', '10.1.0.0/31', '224.0.0.0/8', 'fe80::1%lo/64']) assert.match(failing('network', `default_subnet = "${text}"`), /containers\.conf: \[network\] default_subnet must be a subnet like "10\.88\.0\.0\/16", not "/)
  assert.match(failing('network', 'default_subnet_pools = [{base = 1}]'), /default_subnet_pools must be a list like/)
  assert.throws(() => load({ files: { [`etc/${CONF}`]: 'engine = 5' } }).engine, { kind: 'invalid', message: /engine must be a table/ })
})

test('unknown keys and sections, comments and strings of several lines are no problem', () => {
  const files = { [`etc/${CONF}`]: '[nonsense]\nx = 1\n[containers]\nfuture_key = 5\nlog_tag = """\n# no comment"""\n#pids_limit = 1\n' }
  assert.deepEqual([load({ files }).containers.logTag, load({ files }).containers.pidsLimit], ['# no comment', 2048])
  assert.equal(load({ files: { [`etc/${CONF}`]: '# only\n# comments\n' } }).containers.pidsLimit, 2048)
})

test('a configuration file that is a folder or too large is refused', () => {
  assert.throws(() => load({ files: { [`etc/${CONF}/x`]: '' } }), { kind: 'denied', message: /it is a directory/ })
  assert.throws(() => load({ files: { [`etc/${CONF}`]: `# ${'x'.repeat(1024 * 1024)}` } }), { kind: 'invalid', message: /larger than/ })
})

test('one storage.conf counts; flags and environment go before it', () => {
  const files = {
    'share/containers/storage.conf': '[storage]\ndriver = "vfs"\n', 'etc/containers/storage.conf': '[storage]\n[storage.options.overlay]\nmountopt = "nodev"\n',
    'mine.conf': '[storage]\ndriver = "btrfs"\n',
  }
  assert.deepEqual(load({ files }).storage, { driver: '', mountOptions: ['nodev'] })
  assert.equal(load({ files, env: { CONTAINERS_STORAGE_CONF: 'DIR/mine.conf' } }).storage.driver, 'btrfs')
  assert.equal(load({ files, env: { STORAGE_DRIVER: 'overlay' } }).storage.driver, 'overlay')
  const given = (...storageOpts: string[]) => load({ files, flags: { storageDriver: 'vfs', storageOpts } }).storage
  assert.deepEqual(given('overlay.mountopt=noexec', 'overlay.mountopt=nosuid, noatime,metacopy=on'), { driver: 'vfs', mountOptions: ['nosuid', 'noatime'] })
  assert.throws(() => given('x'), { kind: 'invalid' })
  assert.throws(() => given('overlay.size=1g'), { kind: 'invalid', message: /unknown storage option "overlay.size"/ })
  assert.throws(() => given('overlay.mountopt=nodev,upperdir=/etc'), { kind: 'invalid', message: /unknown "upperdir=\/etc"/ })
  assert.throws(() => load({ env: { STORAGE_OPTS: 'mount_program=/x' } }).storage, { kind: 'invalid', message: /mount_program/ })
  assert.equal(load({ files: { 'etc/scow/scow.toml': '[storage]\nkeep_blobs = false\n' } }).engine.keepBlobs, false)
})

test('a broken section is a problem only of the commands that need it', () => {
  const config = load({ files: { [`etc/${CONF}`]: '[network]\ndefault_network = 5\n', 'etc/containers/storage.conf': 'nonsense' } })
  assert.equal(config.containers.pidsLimit, 2048)
  assert.throws(() => config.network, { kind: 'invalid' })
  assert.throws(() => config.storage, { kind: 'invalid' })
})

test('the monitor is ours first, unless a flag or scow.toml names another', () => {
  const conf = '[engine]\nconmon_path = ["/opt/conmon"]\n'
  assert.deepEqual(load({ files: { [`etc/${CONF}`]: conf } }).engine.conmonPaths.slice(0, 2), [builtFile('conmon'), '/opt/conmon'])
  assert.deepEqual(load({ files: { 'etc/scow/scow.toml': conf } }).engine.conmonPaths, ['/opt/conmon', builtFile('conmon')])
  assert.deepEqual(load({ flags: { conmon: '/c' } }).engine.conmonPaths, ['/c'])
  assert.throws(() => load({ flags: { runroot: '/run/a,b' } }).roots, /the run root folder must have no comma in it/)
  assert.deepEqual(load({ flags: { conmon: './c' } }).engine.conmonPaths, [`${process.cwd()}/c`])
})

test('flags win over files, and wrong ones are refused', () => {
  const files = { [`etc/${CONF}`]: '[engine]\nruntime = "crun"\ncgroup_manager = "systemd"\nvolume_path = "/podman/volumes"\n' }
  assert.equal(load({ files, flags: { runtime: '/usr/bin/runsc' } }).engine.runtime, '/usr/bin/runsc')
  assert.equal(load({ files, flags: { cgroupManager: 'cgroupfs' } }).engine.cgroupManager, 'cgroupfs')
  assert.equal(load({ files }).engine.volumePath, '')
  assert.equal(load({ files, flags: { volumePath: '/v' } }).engine.volumePath, '/v')
  assert.equal(load({ flags: { logLevel: 'WARNING' } }).engine.logLevel, 'warn')
  assert.throws(() => load({ flags: { logLevel: 'loud' } }).engine, { kind: 'invalid', message: /unknown log level 'loud'/ })
  assert.throws(() => load({ flags: { cgroupManager: 'x' } }).engine, { kind: 'invalid' })
})

test('the environment is read in one place: empty means unset, proxies in both spellings', () => {
  const env = readEnvironment({ HOME: '/h', PATH: '/a::/b', NO_COLOR: '', http_proxy: 'p', NO_PROXY: 'q', HTTPS_PROXY: '', SCOW_ROOT: '', SSL_CERT_FILE: '/c', SSL_CERT_DIR: '/d:/e' }, 0)
  assert.deepEqual([env.path, env.noColor, env.root, env.xdgConfigHome, env.rootless], [['/a', '/b'], false, undefined, '/h/.config', false])
  assert.deepEqual(env.proxies, [['http_proxy', 'p'], ['NO_PROXY', 'q']])
  assert.deepEqual([env.sslCertFile, env.sslCertDirs], ['/c', ['/d', '/e']])
  assert.equal(readEnvironment({ NO_COLOR: '1' }, 5).noColor, true)
  assert.ok(Object.isFrozen(env))
})

test('sizes and ulimits are read as podman writes them', () => {
  assert.deepEqual(['64m', '65536k', '10MiB', '1GB', '5', '-1', '2b'].map(parseSize), [67_108_864, 67_108_864, 10_485_760, 2 ** 30, 5, -1, 2])
  assert.deepEqual(['', 'm', '5x', '1 2', 'NaN'].map(parseSize), [undefined, undefined, undefined, undefined, undefined])
  assert.deepEqual(parseUlimit('RLIMIT_NOFILE=5:unlimited'), { type: 'RLIMIT_NOFILE', soft: 5, hard: -1 })
  assert.equal(parseUlimit('nofile=a'), undefined)
})

test('what is misspelled in scow.toml is told of with what is meant, what other files have beyond ours is not', () => {
  const look = (setup: Setup): string[] => {
    let where = ''
    const told = toldWhile(() => {
      const { roots, containers, engine, network, storage, dir } = load(setup)
      assert.ok(roots && containers && engine && network && storage)
      where = dir
    })
    return told.replaceAll(`${where}/`, '').split('\n').filter((line) => line !== '').sort()
  }
  const toml = `
rot = "/srv"
[containers]
pid_limit = 5
init_path = "/sbin/tini"
[engin]
[engine]
runtime = "crun"
conmon_path = ["/usr/bin/conmon"]
cgroup_manager = "cgroupfs"
hooks_dir = []
log_level = "warn"
volume_path = "/volumes"
runroot = "/run/other"
stop_timout = 3
zzz = 1
[engine.runtimes]
mine = ["/usr/bin/mine"]
[engine.volume_plugins]
[network]
cni_plugin_dirs = []
network_config_dir = "/cni"
[storage]
driver = "vfs"
keep_blobs = false
[storage.options.overlay]
mount_opt = "nodev"
[serve]
`
  const expected = [
    'warn: etc/scow/scow.toml: [containers] has no such setting: pid_limit (pids_limit?)',
    'warn: etc/scow/scow.toml: [engine] has no such setting: stop_timout (stop_timeout?), zzz, volume_plugins',
    'warn: etc/scow/scow.toml: [storage.options.overlay] has no such setting: mount_opt (mountopt?)',
    'warn: etc/scow/scow.toml: no such setting: rot (root?), engin (engine?)',
  ]
  const files = { 'etc/scow/scow.toml': toml }
  assert.deepEqual(look({ files }), expected)
  const flags = { root: '/r', runroot: '/rr', runtime: 'runc', conmon: '/conmon', cgroupManager: 'cgroupfs', hooksDirs: [], logLevel: 'warn', volumePath: '/v', cniConfigDir: '/c', cniPluginDirs: [], storageDriver: 'vfs' }
  assert.deepEqual(look({ files, flags }), expected)
  assert.deepEqual(look({ files: { [`etc/${CONF}`]: toml, 'etc/containers/storage.conf': toml } }), [])
  const ofOthers = '[storage.options.overlay]\nmountopt = "nodev,fsync=0,metacopy=on,noacl"\n'
  assert.deepEqual(look({ files: { 'etc/containers/storage.conf': ofOthers } }), ['warn: etc/containers/storage.conf: mountopt "noacl" is not used by scow, which has nodev, nosuid, noexec, noatime'])
  assert.deepEqual(load({ files: { 'etc/containers/storage.conf': ofOthers } }).storage.mountOptions, ['nodev'])
})
