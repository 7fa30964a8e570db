import { isAbsolute, join } from 'node:path'
import { Failure } from '../../../errors.ts'
import type { CreatePodContainer, PodContainerRequest } from '../../../engine/create-pod-container.ts'
import { NamespaceMode, type ContainerConfig, type PodSandboxConfig } from '../../wire/generated/runtime-v1.ts'
import { mountOf } from './mounts.ts'
import { containerName } from './names.ts'
import { oomScoreOf, resourcesOf } from './resources.ts'
import { securityOf, userOf } from './security.ts'
import { signalText } from './signals.ts'

/** What the engine makes of a ContainerConfig. `pod` is the sandbox as it was made. @throws invalid */
export function containerRequestOf(config: ContainerConfig, pod: PodSandboxConfig): PodContainerRequest {
  const { metadata, linux } = config
  if (!metadata?.name || !pod.metadata) throw new Failure('invalid', 'the container has no name')
  if (!config.image?.image) throw new Failure('invalid', `container ${metadata.name} has no image`)
  if (linux?.securityContext?.privileged && !pod.linux?.securityContext?.privileged) throw new Failure('invalid', `container ${metadata.name} may not be privileged, since its pod is not`)
  const stopSignal = signalText(config.stopSignal)
  return {
    name: containerName(metadata, pod.metadata), image: config.image.image,
    ...(config.command.length ? { entrypoint: config.command } : {}), command: config.args,
    env: config.envs.map(({ key, value }) => [key, value] as const),
    ...(config.workingDir ? { workdir: config.workingDir } : {}),
    ...userOf(linux?.securityContext), managePasswd: false,
    terminal: config.tty, stdin: config.stdin, stdinOnce: config.stdinOnce,
    labels: Object.entries(config.labels), annotations: Object.entries(config.annotations),
    mounts: config.mounts.map(mountOf),
    devices: [
      ...config.devices.map(({ hostPath, containerPath, permissions }) => ({ source: hostPath, target: containerPath || hostPath, permissions: permissions || 'rwm' })),
      ...config.CDIDevices.map(({ name }) => ({ source: name })),
    ],
    readOnlyRootfs: linux?.securityContext?.readonlyRootfs ?? false, readOnlyTmpfs: false,
    security: securityOf(linux?.securityContext), resources: resourcesOf(linux?.resources), ...oomScoreOf(linux?.resources),
    sysctls: [], httpProxy: false,
    log: logOf(config.logPath, pod.logDirectory),
    ...(stopSignal ? { stopSignal } : {}),
    restart: { name: 'no' },
  }
}

/** A path that leads nowhere on the host is left to us: the log lies with the container then. */
const logOf = (path: string, dir: string): PodContainerRequest['log'] =>
  (path === '' ? { driver: 'none' } : { driver: 'k8s-file', ...(dir !== '' || isAbsolute(path) ? { path: join(dir, path) } : {}) })

/** Whose processes it shares. */
export function pidOf(config: ContainerConfig): CreatePodContainer['pid'] {
  const options = config.linux?.securityContext?.namespaceOptions
  switch (options?.pid) {
    case NamespaceMode.NODE: return 'host'
    case NamespaceMode.TARGET: return { target: options.targetId }
    case NamespaceMode.CONTAINER: return 'container'
    default: return 'pod'
  }
}
