// The face of the state: every operation is one whole transaction, named, with plain arguments and results, so that
// the command line can run it inline and a server on a worker thread.
import * as containers from './containers.ts'
import { logBytes, openDatabase, type Connection, type Database } from './database.ts'
import * as events from './events.ts'
import * as images from './images.ts'
import * as intents from './intents.ts'
import * as names from './names.ts'
import * as pods from './pods.ts'
import * as volumes from './volumes.ts'

const READS = {
  containers: { list: containers.listContainers, running: containers.listRunning, ofPod: containers.listPodContainers, get: containers.getContainer, find: containers.findContainer, publishedPorts: containers.publishedPorts, needs: containers.listNeeds, needing: containers.containersNeeding, requireUnneeded: containers.requireUnneeded },
  images: { list: images.listImages, get: images.getImage, byName: images.imageByName, byIdPrefix: images.imagesByIdPrefix, namesEndingIn: images.namesEndingIn, users: images.imageUsers },
  volumes: { list: volumes.listVolumes, get: volumes.getVolume, find: volumes.findVolume, users: volumes.volumeUsers, used: volumes.usedVolumes },
  pods: { list: pods.listPods, get: pods.getPod, find: pods.findPod },
  intents: { list: intents.listIntents },
  names: { holder: names.holderOf },
  events: { list: events.listEvents, lastSeq: events.lastEventSeq, lastExitCode: events.lastExitCode },
}
const WRITES = {
  containers: {
    reserve: containers.reserveContainer, insert: containers.insertContainer, change: containers.changeStatus, started: containers.markStarted,
    exited: containers.markExited, beginRemoval: containers.beginRemoval, remove: containers.removeContainer, rename: containers.renameContainer,
    reservePorts: containers.reservePorts, releasePorts: containers.releasePorts,
  },
  images: { put: images.putImage, tag: images.tagImage, untag: images.untagImage, remove: images.removeImage },
  volumes: { put: volumes.putVolume, remove: volumes.removeVolume },
  pods: { reserve: pods.reservePod, insert: pods.insertPod, change: pods.changePod, remove: pods.removePod },
  intents: { open: intents.openIntent, close: intents.closeIntent, extend: intents.extendIntent, adopt: intents.adoptIntent },
  events: { add: events.addEvent, prune: events.pruneEvents },
}

type Read<F> = F extends (db: Database, ...args: infer A) => infer R ? (...args: A) => Promise<R> : never
/** `durable: false`: a power cut may lose it (a container that is removed at its end), a crash of the process cannot. */
type Write<F> = F extends (db: Database) => infer R ? (arg?: undefined, options?: { durable?: boolean }) => Promise<R>
  : F extends (db: Database, arg: infer A) => infer R ? (arg: A, options?: { durable?: boolean }) => Promise<R> : never
type Reads = { [G in keyof typeof READS]: { [K in keyof (typeof READS)[G]]: Read<(typeof READS)[G][K]> } }
type Writes = { [G in keyof typeof WRITES]: { [K in keyof (typeof WRITES)[G]]: Write<(typeof WRITES)[G][K]> } }

export type State = Reads & Writes & {
  /** Nothing was in the file, or it was not there. */
  readonly isNew: boolean
  /** Folds the write-ahead log in: costs syncs, so only cleanup and prune call it. */
  checkpoint(): Promise<void>
  /** At the end of a command that has waited for the disk anyway: folds in a log that has grown. Never waits for others, never fails. */
  upkeep(): Promise<void>
  /** Whether the log has grown so much that opening the state begins to take time. */
  needsCheckpoint(): boolean
  close(): Promise<void>
}

/** What only makes more can wait until there is room again. */
const MAKES = new Set(['containers.reserve', 'containers.insert', 'images.put', 'volumes.put', 'pods.reserve', 'pods.insert'])

const CHECKPOINT_BYTES = 512 * 1024

type Operation = (db: Database, arg?: unknown) => unknown

/** One operation with its argument: what goes to the thread that has the connection. */
export interface StateCall {
  readonly group: string
  readonly name: string
  readonly arg: unknown
  /** Absent: it only reads. */
  readonly write?: { readonly durable: boolean }
}

/** Opens (and creates) the state in `file`, on the calling thread. */
export function openState(file: string): State {
  const connection = openDatabase(file)
  return stateOver(async (call) => runCall(connection, call), {
    isNew: connection.isNew,
    checkpoint: async () => connection.checkpoint(), needsCheckpoint: () => needsCheckpoint(file), close: async () => connection.close(),
    upkeep: async () => {
      if (!connection.hasSynced() || !needsCheckpoint(file)) return
      try { connection.checkpoint({ waits: false }) } catch { /* the next command tries again */ }
    },
  })
}

/** On the thread that has the connection. */
export function runCall(connection: Connection, { group, name, arg, write }: StateCall): unknown {
  const table = (write ? WRITES : READS) as Record<string, Record<string, Operation>>
  const operation = table[group]![name]!
  return write ? connection.write((db) => operation(db, arg), { durable: write.durable, reserve: !MAKES.has(`${group}.${name}`) }) : connection.read((db) => operation(db, arg))
}

/** The whole face of the state over one function that makes a call. */
export function stateOver(run: (call: StateCall) => Promise<unknown>, rest: Pick<State, 'isNew' | 'checkpoint' | 'needsCheckpoint' | 'upkeep' | 'close'>): State {
  const groups: Record<string, Record<string, unknown>> = {}
  const add = (table: object, wrap: (group: string, name: string) => unknown): void => {
    for (const [group, operations] of Object.entries(table)) for (const name of Object.keys(operations)) (groups[group] ??= {})[name] = wrap(group, name)
  }
  add(READS, (group, name) => (arg: unknown) => run({ group, name, arg }))
  add(WRITES, (group, name) => (arg: unknown, { durable = true }: { durable?: boolean } = {}) => run({ group, name, arg, write: { durable } }))
  return { ...groups, ...rest } as unknown as State
}

export const needsCheckpoint = (file: string): boolean => logBytes(file) > CHECKPOINT_BYTES
