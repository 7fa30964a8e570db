// Orders to a running monitor, through the fifo `ctl` in the bundle or session directory.
import { Failure } from '../errors.ts'

/** Sets the terminal's size. Failure wrongState when no monitor listens. */
export const resizeTerminal = async (dir: string, size: { readonly rows: number; readonly columns: number }): Promise<void> => {
  throw new Failure('unsupported', `not yet: ${dir} ${size.rows}`)
}

/** Makes the monitor open its log files anew, after somebody renamed them. */
export const reopenLogs = async (dir: string): Promise<void> => {
  throw new Failure('unsupported', `not yet: ${dir}`)
}

/** Removes the empty cgroups of a monitor that has ended, in every hierarchy; missing ones are fine. */
export const removeMonitorCgroup = (path: string): void => {
  throw new Failure('unsupported', `not yet: ${path}`)
}
