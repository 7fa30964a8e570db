// An OCI runtime seen through its command line. Creating is the monitor's part: it needs `globalArgs`.
import { basename } from 'node:path'
import * as v from 'valibot'
import { Failure, isFailure } from '../errors.ts'
import { findProgram, PROGRAM_DIRS } from '../process/find-program.ts'
import { runProgram, type Ended, type RunOptions } from '../process/run-program.ts'
import { deleteEnded } from './delete-ended.ts'
import { runtimeFailure } from './errors.ts'
import { execProcess, type ExecOptions, type ExecResult } from './exec-process.ts'
import { openGate } from './open-gate.ts'
import { kindOf, TRAITS, type RuntimeKind, type RuntimeNetwork } from './kinds.ts'

export interface RuntimeOptions {
  /** Executable, as `findRuntime` returns it. */
  readonly path: string
  /** What the runtime keeps its own state in (`--root`). */
  readonly stateDir: string
  readonly systemdCgroup: boolean
  /** Further global arguments from the configuration. */
  readonly extraArgs?: readonly string[]
}

export interface CallOptions {
  /** Default 60 s. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal | undefined
}

const StateSchema = v.object({
  id: v.string(),
  status: v.picklist(['creating', 'created', 'running', 'paused', 'stopped']),
  /** 0 when stopped. */
  pid: v.fallback(v.number(), 0),
  bundle: v.fallback(v.string(), ''),
})
export type RuntimeState = v.InferOutput<typeof StateSchema>
export type RuntimeStatus = RuntimeState['status']

const names = v.fallback(v.array(v.string()), [])
const FeaturesSchema = v.object({
  ociVersionMin: v.fallback(v.string(), ''),
  ociVersionMax: v.fallback(v.string(), ''),
  hooks: names,
  mountOptions: names,
  linux: v.fallback(v.object({
    namespaces: names,
    capabilities: names,
    seccomp: v.fallback(v.object({ enabled: v.fallback(v.boolean(), false) }), { enabled: false }),
  }), { namespaces: [], capabilities: [], seccomp: { enabled: false } }),
})
/** features.md of the OCI runtime specification; empty lists where the runtime can't tell. */
export type RuntimeFeatures = v.InferOutput<typeof FeaturesSchema>

export interface Runtime {
  readonly kind: RuntimeKind
  readonly path: string
  readonly systemdCgroup: boolean
  /**
   * Arguments before the command, for the monitor to hand on. Without --systemd-cgroup, which the monitor adds itself.
   * `network` matters to gVisor alone; default `namespace`.
   */
  globalArgs(container?: { readonly logFile?: string; readonly network?: RuntimeNetwork }): string[]
  /** Of what the runtime said to a monitor when it refused. */
  explain(text: string, id: string): Failure
  /**
   * Lets the created process go on. Failure wrongState unless created, commandNotFound, cannotInvoke. `network` as for
   * `globalArgs`; `hooks`: the runtime has something to run once the process goes. Default true.
   */
  start(id: string, options?: CallOptions & { readonly network?: RuntimeNetwork; readonly hooks?: boolean }): Promise<void>
  /** Failure notFound, or wrongState when it is not running. `all`: every process of the container. */
  kill(id: string, signal: number, options?: CallOptions & { readonly all?: boolean }): Promise<void>
  /**
   * Idempotent: a container the runtime doesn't know is fine. `force` kills it first. @returns whether its cgroups are known to
   * be gone: of one that it doesn't know they may be left
   */
  delete(id: string, options?: CallOptions & { readonly force?: boolean }): Promise<boolean>
  /** Undefined when the runtime doesn't know it. */
  state(id: string, options?: CallOptions): Promise<RuntimeState | undefined>
  list(options?: CallOptions): Promise<RuntimeState[]>
  pause(id: string, options?: CallOptions): Promise<void>
  resume(id: string, options?: CallOptions): Promise<void>
  /** `resources`: linux.resources of the OCI runtime specification. Failure unsupported where the runtime can't. */
  update(id: string, resources: object, options?: CallOptions): Promise<void>
  /**
   * Runs a process in the container without a monitor, for probes. After `timeoutMs` it is killed and reaped and
   * Failure timeout thrown. A command that is missing is Failure commandNotFound, never a bare code.
   */
  exec(id: string, options: ExecOptions): Promise<ExecResult>
  features(options?: CallOptions): Promise<RuntimeFeatures>
  /** First line of `--version`. */
  version(options?: CallOptions): Promise<string>
}

export const openRuntime = ({ path, stateDir, systemdCgroup, extraArgs = [] }: RuntimeOptions): Runtime => {
  const kind = kindOf(path)
  const name = basename(path)
  const traits = TRAITS[kind]
  const globals = [...extraArgs, '--root', stateDir]

  const call = async (id: string, args: readonly string[], options: RunOptions = {}): Promise<Ended> => {
    const ended = await runProgram(path, [...globals, ...args], options)
    if (ended.code !== 0) throw runtimeFailure(ended.stderr.toString() || ended.stdout.toString(), { runtime: name, id })
    return ended
  }
  const act = async (id: string, args: readonly string[], options?: CallOptions): Promise<void> => { await call(id, [...args, id], options) }

  return {
    kind, path, systemdCgroup,
    globalArgs: ({ logFile, network = 'namespace' } = {}) => [...globals,
      ...(logFile === undefined ? [] : ['--log', logFile, '--log-format', 'json']),
      ...traits.networkArgs[network]],
    explain: (text, id) => runtimeFailure(text, { runtime: name, id }),
    start: async (id, { network = 'namespace', hooks = true, ...options } = {}) => {
      if (traits.hasKnownState && !hooks && await openGate(stateDir, id)) return
      await call(id, [...traits.networkArgs[network], 'start', id], options)
    },
    kill: async (id, signal, { all = false, ...options } = {}) => { await call(id, ['kill', ...(all ? ['--all'] : []), id, String(signal)], options) },
    delete: async (id, { force = false, ...options } = {}) => {
      if (traits.hasKnownState && !systemdCgroup && await deleteEnded(stateDir, id)) return true
      await act(id, ['delete', ...(force ? ['--force'] : [])], options).catch(unlessUnknown)
      return false
    },
    state: async (id, options) => {
      const ended = await call(id, ['state', id], options).catch(unlessUnknown)
      return ended && parse(StateSchema, ended.stdout, `${name} state`)
    },
    list: async (options) => parse(v.nullable(v.array(StateSchema)), (await call('', traits.listArgs, options)).stdout, `${name} list`) ?? [],
    pause: (id, options) => act(id, ['pause'], options),
    resume: (id, options) => act(id, ['resume'], options),
    update: async (id, resources, options) => {
      if (!traits.hasUpdate) throw new Failure('unsupported', `${name} cannot change the limits of a running container`)
      await call(id, ['update', '--resources', '/dev/stdin', id], { ...options, input: JSON.stringify(resources) })
    },
    exec: (id, options) => execProcess({ path, name, globals, id }, options),
    features: async (options) => {
      const ended = traits.hasFeatures ? await call('', ['features'], options).catch(unlessUnsupported) : undefined
      return parse(FeaturesSchema, ended?.stdout ?? Buffer.from('{}'), `${name} features`)
    },
    version: async (options) => (await call('', ['--version'], options)).stdout.toString().split('\n')[0] ?? '',
  }
}

const unlessUnknown = (error: unknown): undefined => {
  if (!isFailure(error, 'notFound')) throw error
}

/** An old runtime can't say what it can do. */
const unlessUnsupported = (error: unknown): undefined => {
  if (!isFailure(error, 'unsupported')) throw error
}

const parse = <T extends v.GenericSchema>(schema: T, bytes: Buffer, what: string): v.InferOutput<T> => {
  try {
    return v.parse(schema, JSON.parse(bytes.toString() || 'null'))
  } catch (cause) {
    throw new Failure('unavailable', `${what} printed something unexpected: ${bytes.toString().slice(0, 200).trim() || 'nothing'}`, { cause })
  }
}

export interface RuntimeTable {
  /** Name -> candidate paths in order (containers.conf `[engine.runtimes]`). */
  readonly runtimes?: Readonly<Record<string, readonly string[]>>
  /** Searched for names the table lacks. */
  readonly dirs?: readonly string[]
}

/** Name or path -> executable path. Failure notFound with the package to install. */
export const findRuntime = (nameOrPath: string, { runtimes = {}, dirs = PROGRAM_DIRS }: RuntimeTable = {}): string => {
  if (nameOrPath.includes('/')) {
    const path = findProgram(nameOrPath)
    if (path === undefined) throw new Failure('notFound', `the OCI runtime ${nameOrPath} is no executable file`)
    return path
  }
  const listed = Object.hasOwn(runtimes, nameOrPath) ? runtimes[nameOrPath]! : []
  const found = listed.find((path) => findProgram(path) !== undefined) ?? findProgram(nameOrPath, dirs)
  if (found === undefined)
    throw new Failure('notFound', `the OCI runtime ${JSON.stringify(nameOrPath)} is not installed`, { hint: TRAITS[kindOf(nameOrPath)].install })
  return found
}
