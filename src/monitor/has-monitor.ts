import { closeSync, constants, openSync } from 'node:fs'
import { join } from 'node:path'

/** Whether the monitor of this bundle lives, of whatever PID namespace: only it has its fifo open for reading. */
export function hasMonitor(bundle: string): boolean {
  try {
    closeSync(openSync(join(bundle, 'ctl'), constants.O_WRONLY | constants.O_NONBLOCK))
    return true
  } catch (error) {
    if (['ENXIO', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')) return false
    throw error
  }
}
