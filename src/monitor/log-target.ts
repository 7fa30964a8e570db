// Where a monitor writes what its container says.
import { Failure } from '../errors.ts'
import type { MonitorProgram } from './launch.ts'

export interface LogTarget {
  readonly driver: 'k8s-file' | 'json-file' | 'journald' | 'passthrough' | 'none'
  /** For k8s-file and json-file. */
  readonly path?: string
  readonly maxSizeBytes?: number
  /** With the one that is written, as docker counts them, 1 or more; only our monitor keeps any. */
  readonly maxFiles?: number
  readonly tag?: string
  /** `name=value` for journald and json-file; only our monitor does. */
  readonly labels?: readonly string[]
}

/** Failure unsupported when another conmon than ours can't do it, invalid without a path. */
export const logArgs = ({ driver, path, maxSizeBytes, maxFiles, tag, labels = [] }: LogTarget, monitor: MonitorProgram): string[] => {
  const isFile = driver === 'k8s-file' || driver === 'json-file'
  if (isFile && !path) throw new Failure('invalid', `the log driver ${driver} needs a path`)
  if (driver === 'json-file' && !monitor.ours)
    throw new Failure('unsupported', `${monitor.path} does not know the log driver json-file`, { hint: 'use k8s-file, or scow\'s own monitor' })
  return [
    '--log-path', isFile ? `${driver}:${path}` : driver,
    ...(maxSizeBytes !== undefined && maxSizeBytes > 0 ? ['--log-size-max', String(maxSizeBytes)] : []),
    ...(tag === undefined ? [] : ['--log-tag', tag]),
    ...(monitor.ours && maxFiles !== undefined ? ['--log-rotate', '--log-max-files', String(maxFiles - 1)] : []),
    ...(monitor.ours ? labels.flatMap((label) => ['--log-label', label]) : []),
  ]
}
