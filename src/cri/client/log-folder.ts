// The folder of a container's log. The kubelet makes it before it asks for the container, and CRI-O and cri-dockerd rely on that.
import { dirname, join } from 'node:path'
import { makeDir } from '../../engine/own-files.ts'
import type { ContainerConfig, PodSandboxConfig, PodSandboxMetadata } from '../wire/generated/runtime-v1.ts'
import type { Connection } from './connection.ts'

const LOGS = '/var/log/pods'

/** As the kubelet calls it. */
export const podLogFolder = ({ namespace, name, uid }: Pick<PodSandboxMetadata, 'namespace' | 'name' | 'uid'>): string => `${LOGS}/${namespace}_${name}_${uid}`

/** Only of a runtime on this machine. What cannot be made here is left to the runtime, which may have other rights or another view. */
export function makeLogFolder({ address }: Pick<Connection, 'address'>, pod: PodSandboxConfig, { logPath }: ContainerConfig): void {
  if (!address.startsWith('unix:') || !pod.logDirectory.startsWith('/') || logPath === '') return
  try { makeDir(dirname(join(pod.logDirectory, logPath))) } catch { /* the runtime says what is wrong */ }
}
