import type { ContainerRow, Container } from '../../../engine/find-pod.ts'
import { ContainerState, type Container as CriContainer, type ContainerConfig, type ContainerStatus, type DeepPartial } from '../../wire/generated/runtime-v1.ts'
import { nanoseconds } from './times.ts'
import { signalOfNumber } from './signals.ts'

export interface ContainerFacts {
  readonly row: ContainerRow
  readonly config: ContainerConfig
  readonly record: Container['record']
}

export const stateOf = ({ phase }: Pick<ContainerRow, 'phase'>): ContainerState =>
  (phase === 'created' ? ContainerState.CONTAINER_CREATED : phase === 'running' || phase === 'paused' ? ContainerState.CONTAINER_RUNNING : ContainerState.CONTAINER_EXITED)

export const imageIdOf = (id: string): string => `sha256:${id}`

/** A digest reference where the image has one. */
const imageRefOf = ({ image }: Container['record']): string =>
  (image ? image.name.includes('/') && image.digest ? `${image.name.replace(/@.*$/, '').replace(/:[^:/]+$/, '')}@${image.digest}` : imageIdOf(image.id) : '')

/** As ListContainers shows it. */
export const containerOf = ({ row, config, record }: ContainerFacts): DeepPartial<CriContainer> => ({
  id: row.id, podSandboxId: row.podId ?? '', metadata: config.metadata, image: config.image, imageRef: record.image ? imageIdOf(record.image.id) : '',
  imageId: record.image ? imageIdOf(record.image.id) : '', state: stateOf(row), createdAt: nanoseconds(row.createdAtMs), labels: config.labels, annotations: config.annotations,
})

/** The exit code of an end that nobody saw. */
const UNKNOWN_CODE = 255
const START_ERROR = 128

export interface StatusFacts extends ContainerFacts {
  /** The process's user as it was settled at the start. */
  readonly user?: { readonly uid: number; readonly gid: number; readonly additionalGids?: readonly number[] } | undefined
  /** What was asked for later than at creation. */
  readonly resources?: ContainerStatus['resources']
}

export function containerStatusOf({ row, config, record, user, resources }: StatusFacts): DeepPartial<ContainerStatus> {
  const { status } = row
  const state = stateOf(row)
  const exited = state === ContainerState.CONTAINER_EXITED
  const initial = config.linux?.resources ? { linux: config.linux.resources } : undefined
  return {
    id: row.id, metadata: config.metadata, state, createdAt: nanoseconds(row.createdAtMs),
    startedAt: nanoseconds(status.startedAtMs), finishedAt: exited ? nanoseconds(status.finishedAtMs) : 0n,
    ...(exited ? endOf(row) : {}),
    image: config.image, imageRef: imageRefOf(record), imageId: record.image ? imageIdOf(record.image.id) : '',
    labels: config.labels, annotations: config.annotations, mounts: config.mounts,
    logPath: record.request.log.driver === 'none' ? '' : record.logPath,
    ...((resources ?? initial) ? { resources: resources ?? initial } : {}),
    ...(user ? { user: { linux: { uid: BigInt(user.uid), gid: BigInt(user.gid), supplementalGroups: (user.additionalGids ?? []).map(BigInt) } } } : {}),
    stopSignal: config.stopSignal || signalOfNumber(record.stopSignal),
  }
}

function endOf({ status, phase }: ContainerRow): Pick<ContainerStatus, 'exitCode' | 'reason' | 'message'> {
  const { exitCode = phase === 'exited' ? -1 : 0, oomKilled, error = '' } = status
  if (oomKilled) return { exitCode, reason: 'OOMKilled', message: error }
  if (exitCode < 0) return { exitCode: UNKNOWN_CODE, reason: 'Unknown', message: error }
  if (exitCode === START_ERROR && error) return { exitCode, reason: 'StartError', message: error }
  return { exitCode, reason: exitCode === 0 ? 'Completed' : 'Error', message: error }
}
