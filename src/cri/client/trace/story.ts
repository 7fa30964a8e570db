// What a traced call says in one line, and what a recording says on a page.
import type { TracedCall } from './trace.ts'
import type { JsonObject } from '../protojson.ts'

export const CODE_NAMES: readonly string[] = [
  'OK', 'Cancelled', 'Unknown', 'InvalidArgument', 'DeadlineExceeded', 'NotFound', 'AlreadyExists', 'PermissionDenied', 'ResourceExhausted', 'FailedPrecondition',
  'Aborted', 'OutOfRange', 'Unimplemented', 'Internal', 'Unavailable', 'DataLoss', 'Unauthenticated',
]
export const codeName = (code: number): string => CODE_NAMES[code] ?? 'BrokenOff'

/** It goes on until who asked has heard enough. */
const isWatch = ({ rpc }: TracedCall): boolean => rpc === 'GetContainerEvents'
/** Such a call was not a failure when its caller left it, or either side ended. */
const hasFailed = (call: TracedCall): boolean => call.code !== 0 && !(isWatch(call) && ['Cancelled', 'BrokenOff'].includes(codeName(call.code)))

const at = (object: unknown, ...path: readonly string[]): string => {
  const value = path.reduce<unknown>((inner, key) => (typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>)[key] : undefined), object)
  return typeof value === 'string' ? value : ''
}
/** A node has some hundreds at a time; a trace may run for weeks. */
const MOST_NAMES = 10_000
const short = (id: string): string => id.slice(0, 13)

/** Names of pods and containers, learnt from the calls that make and list them. */
export class Names {
  readonly #names = new Map<string, string>()

  learn({ rpc, request, response }: TracedCall): void {
    const pod = at(request, 'config', 'metadata', 'name')
    if (rpc === 'RunPodSandbox') this.#put(at(response, 'podSandboxId'), `${at(request, 'config', 'metadata', 'namespace')}/${pod}`)
    if (rpc === 'CreateContainer') this.#put(at(response, 'containerId'), `${at(request, 'sandboxConfig', 'metadata', 'namespace')}/${at(request, 'sandboxConfig', 'metadata', 'name')}/${pod}`)
    for (const item of [...list(response, 'items')]) this.#put(at(item, 'id'), `${at(item, 'metadata', 'namespace')}/${at(item, 'metadata', 'name')}`)
    for (const item of [...list(response, 'containers')]) this.#put(at(item, 'id'), `${this.#names.get(at(item, 'podSandboxId')) ?? short(at(item, 'podSandboxId'))}/${at(item, 'metadata', 'name')}`)
  }

  #put(id: string, name: string): void {
    if (id === '') return
    this.#names.delete(id)
    this.#names.set(id, name)
    // the one that was heard of the longest ago
    if (this.#names.size > MOST_NAMES) this.#names.delete(this.#names.keys().next().value!)
  }

  /** What a call is about: a pod, a container, an image, or nothing. */
  subject({ rpc, request, response }: TracedCall): string {
    const id = at(request, 'containerId') || at(request, 'podSandboxId')
    if (rpc === 'RunPodSandbox') return `${at(request, 'config', 'metadata', 'namespace')}/${at(request, 'config', 'metadata', 'name')}`
    if (rpc === 'CreateContainer') return `${at(request, 'sandboxConfig', 'metadata', 'namespace')}/${at(request, 'sandboxConfig', 'metadata', 'name')}/${at(request, 'config', 'metadata', 'name')}`
    if (id !== '') return this.#names.get(id) ?? short(id)
    return at(request, 'image', 'image') || at(response, 'imageRef')
  }
}

const list = (message: JsonObject | undefined, key: string): readonly unknown[] => (Array.isArray(message?.[key]) ? message[key] : [])

/** `07:05:12.123     812 ms  RunPodSandbox  default/web  36bb3f29c2f5e`. */
export function callLine(call: TracedCall, names: Names): string {
  names.learn(call)
  const made = short(at(call.response, 'podSandboxId') || at(call.response, 'containerId'))
  const items = ['items', 'containers', 'images', 'stats'].map((key) => call.response?.[key]).find(Array.isArray)
  const command = Array.isArray(call.request?.['cmd']) ? call.request['cmd'].join(' ').slice(0, 60) : ''
  const words = [names.subject(call), command, made, items ? `${items.length} found` : '', call.responses > 1 ? `${call.responses} messages` : '', hasFailed(call) ? `${codeName(call.code)}: ${call.error ?? ''}` : '']
  return `${call.time.slice(11, 23)}  ${milliseconds(call.durationMs)}  ${call.rpc.padEnd(22)} ${words.filter(Boolean).join('  ')}`.trimEnd()
}

const milliseconds = (ms: number): string => `${(ms < 10 ? ms.toFixed(2) : ms.toFixed(0)).padStart(7)} ms`

export interface StoryOptions { readonly pod?: string | undefined; readonly top: number }

/** The page of a recording: what was called how often, what was slow, what failed, what was tried again, pod by pod. */
export function story(calls: readonly TracedCall[], { pod, top }: StoryOptions): string {
  const names = new Names()
  const told = calls.map((call) => ({ call, line: callLine(call, names), subject: names.subject(call) })).map((each) => ({ ...each, of: podOf(each) }))
  if (pod !== undefined) return told.filter(({ subject, of }) => subject.includes(pod) || of.includes(pod)).map(({ line }) => `${line}\n`).join('')
  const failed = told.filter(({ call }) => hasFailed(call))
  const retries = retried(told)
  const pods = [...new Set(told.map(({ of }) => of).filter((name) => name !== ''))]
  return [
    `${calls.length} calls, ${failed.length} failed`, '', ...totals(calls), '',
    `Slowest:`, ...told.filter(({ call }) => !isWatch(call)).sort((a, b) => b.call.durationMs - a.call.durationMs).slice(0, top).map(({ line }) => `  ${line}`), '',
    ...(failed.length ? ['Failed:', ...failed.slice(-top).map(({ line }) => `  ${line}`), ''] : []),
    ...(retries.length ? ['Tried again after a failure:', ...retries.map((line) => `  ${line}`), ''] : []),
    ...pods.flatMap((name) => [`${name}:`, ...told.filter(({ of, call }) => of === name && !/^(ListC|ListP|.*Stat)/.test(call.rpc)).map(({ line }) => `  ${line}`), '']),
  ].join('\n')
}

/** `NAMESPACE/NAME` of the pod that a call is for, where that is known: the kubelet says it of pulls too. */
function podOf({ call: { rpc, request }, subject }: { readonly call: TracedCall; readonly subject: string }): string {
  const names = rpc.includes('Image') ? ['namespace', 'name'].map((part) => at(request, 'sandboxConfig', 'metadata', part)) : subject.split('/')
  return names.length > 1 && names[1] !== '' ? names.slice(0, 2).join('/') : ''
}

function totals(calls: readonly TracedCall[]): string[] {
  const byRpc = Map.groupBy(calls, ({ rpc }) => rpc)
  const rows = [...byRpc].map(([rpc, of]) => {
    const times = of.map(({ durationMs }) => durationMs).sort((a, b) => a - b)
    const part = (share: number): string => milliseconds(times[Math.min(times.length - 1, Math.floor(times.length * share))]!)
    return { total: of.length, text: `  ${rpc.padEnd(26)}${String(of.length).padStart(6)}${String(of.filter(hasFailed).length).padStart(8)}  ${part(0.5)}  ${part(0.95)}  ${part(1)}` }
  })
  return [`  ${'call'.padEnd(26)}${'times'.padStart(6)}${'failed'.padStart(8)}  ${'median'.padStart(10)}  ${'95%'.padStart(10)}  ${'longest'.padStart(10)}`, ...rows.sort((a, b) => b.total - a.total).map(({ text }) => text)]
}

function retried(told: readonly { readonly call: TracedCall; readonly subject: string }[]): string[] {
  const failures = new Map<string, number>()
  const lines = new Map<string, string>()
  for (const { call, subject } of told) {
    const key = `${call.rpc} ${subject}`
    const before = failures.get(key) ?? 0
    if (before > 0 && subject !== '') lines.set(key, `${key}: ${before} failed, then ${codeName(call.code)}`)
    if (hasFailed(call)) failures.set(key, before + 1)
  }
  return [...lines.values()]
}
