// The runtimes that the tests of the client talk to, and how these differ by age and kind.
import { startContainerd, type ContainerdAge } from './containerd.ts'
import { startCrio } from './crio.ts'
import { startCriDockerd } from './cri-dockerd.ts'
import { startServe } from './serve.ts'

export interface Server {
  readonly socket: string
  stop(): Promise<void>
}

export interface Peer {
  /** With logs/ and cni/ in `dir`, and all that is its own below it. */
  start(dir: string): Promise<Server>
  readonly name: RegExp
  readonly version: RegExp
  readonly api: 'v1' | 'v1alpha2'
  readonly hasEvents: boolean
  readonly hasPodStats: boolean
  readonly hasPodMetrics: boolean
  readonly hasRuntimeConfig: boolean
  /** `inspect` shows the container's OCI specification. */
  readonly showsSpec: boolean
  /** Its images can be saved and loaded behind the CRI. */
  readonly hasStore: boolean
  /** A container that cannot be started stays, with the words of runc and its limits; a network that goes is noticed. */
  readonly tellsWhy: boolean
  /** Of a container without time to stop: some ask with SIGTERM first, however little time there is. */
  readonly killedCode: number
}

const containerd = (age: ContainerdAge): Peer => ({
  start: (dir) => startContainerd(dir, age), name: /^containerd$/, version: new RegExp(`^v?${age.replace('.', '\\.')}\\.`), api: age === '1.4' ? 'v1alpha2' : 'v1', hasEvents: age === '2', hasPodStats: age !== '1.4', hasPodMetrics: age === '2', hasRuntimeConfig: age === '2', showsSpec: true, hasStore: true, tellsWhy: true, killedCode: 137,
})

/** By the words of SCOW_TEST_CRI. All but `serve` are found in the PATH; `containerd` is Debian's. */
const PEERS: Readonly<Record<string, Peer>> = {
  containerd: containerd('1.6'), 'containerd-1.4': containerd('1.4'), 'containerd-2': containerd('2'),
  serve: { start: startServe, name: /^scow$/, version: /^\d+\.\d+\.\d+/, api: 'v1', hasEvents: true, hasPodStats: true, hasPodMetrics: true, hasRuntimeConfig: true, showsSpec: false, hasStore: true, tellsWhy: true, killedCode: 137 },
  crio: { start: startCrio, name: /^cri-o$/, version: /^1\.\d+\.\d+/, api: 'v1', hasEvents: true, hasPodStats: true, hasPodMetrics: true, hasRuntimeConfig: true, showsSpec: true, hasStore: false, tellsWhy: false, killedCode: 143 },
  'cri-dockerd': { start: startCriDockerd, name: /^docker$/, version: /^\d+\.\d+\.\d+/, api: 'v1', hasEvents: false, hasPodStats: false, hasPodMetrics: false, hasRuntimeConfig: true, showsSpec: false, hasStore: false, tellsWhy: false, killedCode: 143 },
}

export const peerName: string = process.env['SCOW_TEST_CRI'] ?? 'containerd'

export const peer: Peer = PEERS[peerName] ?? (() => { throw new Error(`SCOW_TEST_CRI=${peerName} is none of ${Object.keys(PEERS).join(', ')}`) })()
