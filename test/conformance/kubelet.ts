// A real kubelet without a cluster: it runs the pods of a folder. What it offers is asked over its own HTTP addresses.
import assert from 'node:assert/strict'
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../support/registry-server.ts'
import { openChannels, type Channels } from './kubelet-streams.ts'

export interface ContainerState {
  readonly name: string
  readonly ready: boolean
  readonly restartCount: number
  readonly containerID?: string
  readonly state: States
  readonly lastState?: States
  readonly resources?: Resources
  readonly user?: { readonly linux: { readonly uid: number; readonly gid: number; readonly supplementalGroups: readonly number[] } }
}
interface Resources { readonly limits?: Readonly<Record<string, string>>; readonly requests?: Readonly<Record<string, string>> }
interface States {
  readonly running?: { readonly startedAt: string }
  readonly waiting?: { readonly reason: string; readonly message?: string }
  readonly terminated?: { readonly exitCode: number; readonly reason: string; readonly message?: string; readonly startedAt: string; readonly finishedAt: string }
}
export interface Pod {
  readonly metadata: { readonly name: string; readonly uid: string }
  readonly status: { readonly phase: string; readonly podIP?: string; readonly conditions?: readonly { type: string; status: string }[]; readonly containerStatuses?: readonly ContainerState[]; readonly initContainerStatuses?: readonly ContainerState[] }
}

export interface Kubelet {
  /** Adds a pod of this name to the folder. */
  add(name: string, spec: object, labels?: object): void
  remove(name: string): void
  /** The pod as soon as `holds`; fails with what was last seen. */
  until(name: string, holds: (pod: Pod) => boolean): Promise<Pod>
  pods(): Promise<readonly Pod[]>
  /** Of its read-only address. */
  json<T = any>(path: string): Promise<T> // eslint-disable-line @typescript-eslint/no-explicit-any
  logs(pod: string, container: string): Promise<string>
  /** A connection to `/exec/NAMESPACE/POD/...` and the like. */
  open(path: string, query: Readonly<Record<string, string | readonly string[]>>): Promise<Channels>
  /** @param more settings instead of those that it had */
  restart(more?: object, signal?: NodeJS.Signals): Promise<void>
  stop(): Promise<void>
}

export const containerOf = ({ status }: Pod, name: string): ContainerState | undefined => status.containerStatuses?.find((each) => each.name === name)
export const initOf = ({ status }: Pod, name: string): ContainerState | undefined => status.initContainerStatuses?.find((each) => each.name === name)
export const isReady = ({ status }: Pod): boolean => status.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') ?? false

/** 36 of a kubelet 1.36. */
export const minorOf = (program: string): number => Number(/v1\.(\d+)/.exec(execFileSync(program, ['--version'], { encoding: 'utf8' }))?.[1])

/** What it sets for the whole machine, whatever namespaces it is in. */
const MACHINE_SETTINGS = ['vm/overcommit_memory', 'vm/panic_on_oom', 'kernel/panic', 'kernel/panic_on_oops', 'kernel/keys/root_maxkeys', 'kernel/keys/root_maxbytes']
const PATIENCE_MS = 120_000

export interface StartKubelet {
  readonly program: string
  readonly socket: string
  readonly dir: string
  /** Settings besides those that every machine needs. */
  readonly more?: object
}

export async function startKubelet({ program, socket, dir, more = {} }: StartKubelet): Promise<Kubelet> {
  const minor = minorOf(program)
  const [port, readOnlyPort, healthzPort] = [await freePort(), await freePort(), await freePort()]
  const manifests = join(dir, 'manifests')
  mkdirSync(manifests, { recursive: true })
  const endpoint = `unix://${socket}`
  const configure = (last: object): void => writeFileSync(join(dir, 'kubelet.json'), JSON.stringify({
    ...settings(manifests), port, readOnlyPort, healthzPort, ...(minor >= 27 ? { containerRuntimeEndpoint: endpoint } : {}), ...(minor >= 31 ? { failCgroupV1: false } : {}), ...more, ...last,
  }))
  configure({})
  const args = [`--config=${join(dir, 'kubelet.json')}`, `--root-dir=${join(dir, 'kubelet')}`, `--cert-dir=${join(dir, 'certificates')}`, '--hostname-override=node', '-v=2',
    ...(minor < 27 ? ['--container-runtime=remote', `--container-runtime-endpoint=${endpoint}`] : [])]
  const before = MACHINE_SETTINGS.map((name) => [name, readFileSync(`/proc/sys/${name}`, 'utf8')] as const)
  const log = join(dir, 'kubelet.log')
  const start = (): ChildProcess => {
    const out = openSync(log, 'a')
    return spawn(program, args, { stdio: ['ignore', out, out] })
  }
  let child = start()
  const lastWords = () => readFileSync(log, 'utf8').split('\n').filter((line) => /^[EF]/.test(line)).slice(-15).join('\n')
  const get = async (path: string): Promise<Response> => {
    for (let tries = 0; ; tries++) {
      assert.equal(child.exitCode, null, `the kubelet ended:\n${lastWords()}`)
      try {
        return await fetch(`http://127.0.0.1:${readOnlyPort}${path}`)
      } catch (error) {
        if (tries > 300) throw error
        await sleep(100)
      }
    }
  }
  const end = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<void> => {
    const ended = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined
    child.kill(signal)
    await ended
  }
  const kubelet: Kubelet = {
    add: (name, spec, labels = {}) => writeFileSync(join(manifests, `${name}.json`), JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default', labels }, spec: { terminationGracePeriodSeconds: 1, ...spec } })),
    remove: (name) => rmSync(join(manifests, `${name}.json`)),
    json: async (path) => (await get(path)).json() as never,
    pods: async () => ((await kubelet.json<{ items: Pod[] | null }>('/pods')).items ?? []),
    until: async (name, holds) => {
      const since = Date.now()
      for (;;) {
        const pod = (await kubelet.pods()).find(({ metadata }) => metadata.name === `${name}-node`)
        if (pod && holds(pod)) return pod
        if (Date.now() - since > PATIENCE_MS) assert.fail(`pod ${name} never came so far: ${JSON.stringify(pod?.status, undefined, 1)}\n${lastWords()}`)
        await sleep(200)
      }
    },
    logs: async (pod, container) => (await openChannels.text({ port, path: `/containerLogs/default/${pod}-node/${container}` })),
    open: (path, query) => openChannels({ port, path, query }),
    restart: async (last = {}, signal = 'SIGTERM') => {
      await end(signal)
      configure(last)
      child = start()
      await get('/pods')
    },
    stop: async () => {
      await end()
      for (const [name, value] of before) if (readFileSync(`/proc/sys/${name}`, 'utf8') !== value) writeFileSync(`/proc/sys/${name}`, value)
    },
  }
  return kubelet
}

const settings = (staticPodPath: string) => ({
  apiVersion: 'kubelet.config.k8s.io/v1beta1', kind: 'KubeletConfiguration', staticPodPath, address: '127.0.0.1',
  authentication: { anonymous: { enabled: true }, webhook: { enabled: false } }, authorization: { mode: 'AlwaysAllow' },
  cgroupDriver: 'cgroupfs', cgroupsPerQOS: true, enforceNodeAllocatable: [], failSwapOn: false, oomScoreAdj: 0, makeIPTablesUtilChains: false, resolvConf: '',
  evictionHard: { 'memory.available': '10Mi', 'nodefs.available': '1%', 'imagefs.available': '1%' },
  fileCheckFrequency: '1s', syncFrequency: '2s', containerLogMaxSize: '32Ki', containerLogMaxFiles: 3,
})
