// Every on-disk path of scow is built here and nowhere else.
import { basename, join } from 'node:path'

/** Folder of the running program: `dist` when bundled, `src` when the sources are run by the tests. */
const programDir = import.meta.dirname

/** Built parts (addon, conmon, pause, exit program) lie in `dist` for both. */
export const distDir: string = basename(programDir) === 'dist' ? programDir : join(programDir, '..', 'dist')

export const builtFile = (name: 'scow.node' | 'conmon' | 'pause' | 'scow-exit' | 'main.cjs'): string => join(distDir, name)

/** The file that runs as a worker thread: `source` under src, or its bundle in dist. */
export const workerFile = (source: string): string =>
  programDir === distDir ? join(distDir, `${basename(source, '.ts')}.cjs`) : join(programDir, source)

/** Where one installation keeps its things. `root` survives a reboot, `runRoot` (a tmpfs) does not. */
export interface Roots {
  readonly root: string
  readonly runRoot: string
}

const ofContainer = (base: string, id: string) => join(base, 'containers', id)

/** Layout of one installation. Ids are 64 hex digits, names are validated before they come here. */
export const makePaths = ({ root, runRoot }: Roots) => ({
  root,
  runRoot,
  database: join(root, 'state.db'),
  blobs: join(root, 'blobs'),
  layers: join(root, 'layers'),
  staging: join(root, 'staging'),
  programs: join(root, 'programs'),
  volumes: join(root, 'volumes'),
  networks: join(root, 'networks'),
  networkCache: join(root, 'cni'),
  netns: join(runRoot, 'netns'),
  locks: join(runRoot, 'locks'),
  exits: join(runRoot, 'exits'),
  cleanupQueue: join(runRoot, 'cleanup'),
  /** Of a pod, until the next boot: pinned namespaces, shared memory, the files of /etc that its containers share. */
  pod: (id: string) => ({
    run: join(runRoot, 'pods', id),
    ns: join(runRoot, 'pods', id, 'ns'),
    shm: join(runRoot, 'pods', id, 'shm'),
    etc: join(runRoot, 'pods', id, 'etc'),
  }),
  /** The root of every pause process: one static program. */
  pauseRoot: join(root, 'programs', 'pause'),
  container: (id: string) => ({
    /** Durable: writable layer, log file and the monitor's persist dir. */
    dir: ofContainer(root, id),
    persist: join(ofContainer(root, id), 'persist'),
    log: join(ofContainer(root, id), 'ctr.log'),
    /** Until the next boot: bundle, pid files, sockets, fifos, the generated /etc files. */
    run: ofContainer(runRoot, id),
    bundle: join(ofContainer(runRoot, id), 'bundle'),
    config: join(ofContainer(runRoot, id), 'bundle', 'config.json'),
    /** The monitor makes the container's notify socket in it. */
    notify: join(ofContainer(runRoot, id), 'bundle', 'notify'),
    pidFile: join(ofContainer(runRoot, id), 'pidfile'),
    monitorPidFile: join(ofContainer(runRoot, id), 'conmon.pid'),
    etc: join(ofContainer(runRoot, id), 'etc'),
    shm: join(ofContainer(runRoot, id), 'shm'),
    runtimeLog: join(ofContainer(runRoot, id), 'oci.log'),
    exec: join(ofContainer(runRoot, id), 'exec'),
  }),
})

export type Paths = ReturnType<typeof makePaths>
