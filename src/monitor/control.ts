// Orders to a running monitor, through the fifo `ctl` in the bundle or session directory.
import { closeSync, constants, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../errors.ts'

export { removeMonitorCgroup } from './cgroup.ts'

/** Sets the terminal's size. Failure wrongState when no monitor listens. */
export const resizeTerminal = async (dir: string, { rows, columns }: { readonly rows: number; readonly columns: number }): Promise<void> =>
  order(dir, `1 ${rows} ${columns}\n`)

/** Makes the monitor open its log files anew, after somebody renamed them. */
export const reopenLogs = async (dir: string): Promise<void> => order(dir, '2 0 0\n')

const order = (dir: string, line: string): void => {
  let fd: number
  try {
    // Without O_NONBLOCK a fifo that nobody reads would hold us.
    fd = openSync(join(dir, 'ctl'), constants.O_WRONLY | constants.O_NONBLOCK)
  } catch (error) {
    if (!['ENOENT', 'ENXIO'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
    throw new Failure('wrongState', `no monitor listens in ${dir}: the process has ended`, { cause: error })
  }
  try {
    writeSync(fd, line)
  } finally {
    closeSync(fd)
  }
}
