// How runc keeps a created process waiting: its last step before the container's program is to open `exec.fifo` in its state
// for writing, which returns when somebody opens it for reading.
import { closeSync, constants, fstatSync, openSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { drain } from '../process/child.ts'

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
  let answered = false
  const { done, stop } = drain(fd, () => { answered = true })
  const timer = setTimeout(stop, PATIENCE_MS)
  await done
  clearTimeout(timer)
  // By this file the runtime tells a container that is created from one that runs.
  if (answered) rmSync(path, { force: true })
  return answered
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
