// How runc keeps a created process waiting: its last step before the container's program is to open `exec.fifo` in its state
// for writing, which returns when somebody opens it for reading.
import { closeSync, constants, fstatSync, openSync, readSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { whenReadable } from '../process/when-readable.ts'

/** A process that is there answers at once. */
const PATIENCE_MS = 2000

/**
 * Lets a process that runc has created go on, as `runc start` does, without the ten milliseconds that a program in Go takes
 * to begin. @returns false where the process doesn't wait in that way: the runtime itself is to be asked
 */
export async function openGate(stateDir: string, id: string): Promise<boolean> {
  const path = join(stateDir, id, 'exec.fifo')
  const fd = openFifo(path)
  if (fd === undefined) return false
  try {
    if (!await whenReadable(fd, PATIENCE_MS) || readSync(fd, Buffer.alloc(1)) !== 1) return false
    rmSync(path, { force: true }) // by that the runtime tells a container that runs from one that is created
    return true
  } finally {
    closeSync(fd)
  }
}

function openFifo(path: string): number | undefined {
  let fd: number
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW)
  } catch {
    return undefined
  }
  if (fstatSync(fd).isFIFO()) return fd
  closeSync(fd)
  return undefined
}
