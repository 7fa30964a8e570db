import { readInRoot } from '../fs/read-in-root.ts'

const MAX_BYTES = 4 * 2 ** 20

/** A file as the process `pid` sees it; undefined when it, or the process, is gone. No link leads out of the container. @throws invalid when it is larger than 4 MiB */
export const readInContainer = (pid: number, path: string): Buffer | undefined => readInRoot(`/proc/${pid}/root`, path, MAX_BYTES)
