// One container under one monitor, in directories of its own, with the real runc and a busybox.
import { execFileSync, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const OURS = join(import.meta.dirname, '../../dist/conmon')
export const DEBIANS = '/usr/bin/conmon'
const RUNC = ['/usr/sbin/runc', '/usr/bin/runc'].find(existsSync) ?? 'runc'
const APPLETS = ['sh', 'cat', 'echo', 'printf', 'sleep', 'seq', 'stty', 'head', 'dd', 'kill', 'true', 'test', 'tr', 'wc', 'yes', 'id', 'nc']

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Polls until `probe` gives something; throws after 15 s. */
export async function until<T>(what: string, probe: () => T | undefined | false): Promise<T> {
  for (let tries = 0; tries < 750; tries++) {
    const found = probe()
    if (found !== undefined && found !== false) return found
    await sleep(20)
  }
  throw new Error(`waited in vain for ${what}`)
}

export interface Setup {
  readonly script: string
  readonly terminal?: boolean
  readonly memoryBytes?: number
  readonly conmon?: string
  /** A command in front of the monitor. */
  readonly wrap?: readonly string[]
}

export class Box implements AsyncDisposable {
  readonly dir: string
  readonly id: string
  readonly bundle: string
  readonly conmon: string
  readonly #wrap: readonly string[]
  #monitors: number[] = []

  constructor(setup: Setup) {
    this.dir = mkdtempSync(join(tmpdir(), 'monitor-'))
    this.id = `m${process.pid}x${this.dir.slice(-6)}`
    this.bundle = join(this.dir, 'bundle')
    this.conmon = setup.conmon ?? OURS
    this.#wrap = setup.wrap ?? []
    for (const name of ['bundle/rootfs/bin', 'bundle/rootfs/proc', 'bundle/rootfs/tmp', 'exits', 'persist', 'runc'])
      mkdirSync(join(this.dir, name), { recursive: true })
    cpSync('/bin/busybox', join(this.bundle, 'rootfs/bin/busybox'))
    for (const applet of APPLETS) symlinkSync('busybox', join(this.bundle, 'rootfs/bin', applet))
    writeFileSync(join(this.bundle, 'config.json'), JSON.stringify(config(this.id, setup)))
  }

  path(name: string): string { return join(this.dir, name) }
  read(name: string): string { return readFileSync(this.path(name), 'utf8') }
  has(name: string): boolean { return existsSync(this.path(name)) }

  args(): string[] {
    return ['--api-version', '1', '-c', this.id, '-u', this.id, '-n', 'name', '-r', RUNC, '-b', this.bundle, '--full-attach',
      '-p', this.path('pid'), '-P', this.path('monitor.pid'), '--exit-dir', this.path('exits'), '--persist-dir', this.path('persist'),
      '--runtime-arg', '--root', '--runtime-arg', this.path('runc')]
  }

  /** Starts the monitor and resolves with the first line of the sync pipe. */
  async launch(more: readonly string[] = [], args = [...this.args(), '-l', `k8s-file:${this.path('log')}`], wrap = this.#wrap): Promise<Launch> {
    const [program, ...words] = [...wrap, this.conmon, ...args, ...more]
    const launch = new Launch(program!, words)
    await launch.first()
    const file = args[args.indexOf('-P') + 1] ?? ''
    if (existsSync(file)) this.#monitors.push(Number(readFileSync(file, 'utf8')))
    return launch
  }

  runc(...args: string[]): string { return execFileSync(RUNC, ['--root', this.path('runc'), ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }) }
  start(): void { this.runc('start', this.id) }
  get monitorPid(): number { return Number(this.read('monitor.pid')) }

  /** Resolves with the exit file's text, when the monitor has gone too. */
  async ended(): Promise<string> {
    const code = await until('the exit file', () => this.has(`exits/${this.id}`) && this.read(`exits/${this.id}`))
    await until('the end of the monitor', () => !running(this.monitorPid))
    return code
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try { this.runc('delete', '-f', this.id) } catch { /* it has none */ }
    for (const pid of this.#monitors) {
      for (let tries = 0; tries < 100 && running(pid); tries++) await sleep(20)
      if (running(pid)) process.kill(pid, 'SIGKILL')
    }
    rmSync(this.dir, { recursive: true, force: true })
  }
}

export function running(pid: number): boolean {
  try { return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8')) } catch { return false }
}

export class Launch {
  readonly child: ChildProcess
  stderr = ''
  code: number | null | undefined
  #text = ''
  #closed = false

  constructor(conmon: string, args: readonly string[]) {
    this.child = spawn(conmon, args, { stdio: ['ignore', 'ignore', 'pipe', 'pipe'], env: { PATH: process.env['PATH'] ?? '', _OCI_SYNCPIPE: '3', TZ: 'UTC' } })
    this.child.stderr?.on('data', (text) => { this.stderr += String(text) })
    const pipe = this.child.stdio[3]
    pipe?.on('data', (text) => { this.#text += String(text) })
    pipe?.on('close', () => { this.#closed = true })
    this.child.on('exit', (code) => { this.code = code })
  }

  lines(): Record<string, unknown>[] { return this.#text.split('\n').slice(0, -1).map((line) => JSON.parse(line)) }
  async first(): Promise<void> { await until('the sync pipe', () => this.lines().length > 0 || (this.#closed && this.code !== undefined)) }
  line(index: number): Promise<Record<string, unknown>> { return until(`line ${index} of the sync pipe`, () => this.lines()[index]) }
}

/** A client of `attach.stream`. */
export class StreamClient {
  stdout = Buffer.alloc(0)
  stderr = Buffer.alloc(0)
  ended = false
  #rest = Buffer.alloc(0)
  #socket: Socket

  constructor(box: Box) {
    this.#socket = connect(join(box.bundle, 'attach.stream'))
    this.#socket.on('data', (bytes: Buffer) => { this.#take(bytes) })
    this.#socket.on('close', () => { this.ended = true })
    this.#socket.on('error', () => { this.ended = true })
  }

  send(type: number, payload: Uint8Array | string = ''): void {
    const bytes = Buffer.from(payload as string)
    const header = Buffer.alloc(5)
    header[0] = type
    header.writeUInt32BE(bytes.length, 1)
    this.#socket.write(Buffer.concat([header, bytes]))
  }

  pause(): void { this.#socket.pause() }
  resume(): void { this.#socket.resume() }
  close(): void { this.#socket.destroy() }
  async closed(): Promise<void> { await until('the end of the attached stream', () => this.ended) }

  #take(bytes: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, bytes])
    while (this.#rest.length >= 5 && this.#rest.length >= 5 + this.#rest.readUInt32BE(1)) {
      const end = 5 + this.#rest.readUInt32BE(1)
      const payload = this.#rest.subarray(5, end)
      if (this.#rest[0] === 2) this.stdout = Buffer.concat([this.stdout, payload])
      else this.stderr = Buffer.concat([this.stderr, payload])
      this.#rest = this.#rest.subarray(end)
    }
  }
}

/** What each stream wrote, put together again from k8s-file lines. */
export function k8sText(log: string, stream = 'stdout'): string {
  return log.split('\n').slice(0, -1).map((line) => line.split(' ')).filter((words) => words[1] === stream)
    .map((words) => words.slice(3).join(' ') + (words[2] === 'F' ? '\n' : '')).join('')
}

/** A k8s-file log without its times. */
export const withoutTimes = (log: string): string => log.replace(/^\S+ /gm, '')

function config(id: string, setup: Setup): unknown {
  return {
    ociVersion: '1.0.2',
    process: { terminal: setup.terminal ?? false, user: { uid: 0, gid: 0 }, args: ['sh', '-c', setup.script], env: ['PATH=/bin'], cwd: '/', noNewPrivileges: true },
    root: { path: 'rootfs' }, hostname: 'box',
    mounts: [{ destination: '/proc', type: 'proc', source: 'proc' }, { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755'] },
      { destination: '/dev/pts', type: 'devpts', source: 'devpts', options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620'] }],
    linux: {
      cgroupsPath: `/${id}`, namespaces: ['pid', 'ipc', 'uts', 'mount', 'network'].map((type) => ({ type })),
      resources: setup.memoryBytes ? { memory: { limit: setup.memoryBytes, swap: setup.memoryBytes } } : {},
    },
  }
}

export const logNames = (box: Box): string[] => readdirSync(box.dir).filter((name) => name.startsWith('log')).sort()
