// Every on-disk path of scow is built here and nowhere else.
import { basename, join, resolve } from 'node:path'

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

/** Layout of one installation. Ids are 64 hex digits, names are validated before they come here. */
export const makePaths = (roots: Roots) => {
  // Normal once: below them plain words do, and a listing of hundreds of containers is spared as many calls of `join`.
  const [root, runRoot] = [resolve(roots.root), resolve(roots.runRoot)]
  return {
    root,
    runRoot,
    database: `${root}/state.db`,
    blobs: `${root}/blobs`,
    layers: `${root}/layers`,
    staging: `${root}/staging`,
    containers: `${root}/containers`,
    programs: `${root}/programs`,
    volumes: `${root}/volumes`,
    networks: `${root}/networks`,
    networkCache: `${root}/cni`,
    netns: `${runRoot}/netns`,
    locks: `${runRoot}/locks`,
    exits: `${runRoot}/exits`,
    cleanupQueue: `${runRoot}/cleanup`,
    /** Of a pod, until the next boot: pinned namespaces, shared memory, the files of /etc that its containers share. */
    pod: (id: string) => {
      const run = `${runRoot}/pods/${id}`
      return { run, ns: `${run}/ns`, shm: `${run}/shm`, etc: `${run}/etc` }
    },
    /** The root of every pause process: one static program. */
    pauseRoot: `${root}/programs/pause`,
    container: (id: string) => {
      const [dir, run] = [`${root}/containers/${id}`, `${runRoot}/containers/${id}`]
      return {
        /** Durable: writable layer, log file and the monitor's persist dir. */
        dir,
        persist: `${dir}/persist`,
        log: `${dir}/ctr.log`,
        /** Until the next boot: bundle, pid files, sockets, fifos, the generated /etc files. */
        run,
        bundle: `${run}/bundle`,
        config: `${run}/bundle/config.json`,
        /** The monitor makes the container's notify socket in it. */
        notify: `${run}/bundle/notify`,
        pidFile: `${run}/pidfile`,
        monitorPidFile: `${run}/conmon.pid`,
        etc: `${run}/etc`,
        shm: `${run}/shm`,
        runtimeLog: `${run}/oci.log`,
        exec: `${run}/exec`,
      }
    },
  }
}

export type Paths = ReturnType<typeof makePaths>
