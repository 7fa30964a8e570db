import { isAbsolute, join } from 'node:path'
import { Failure } from '../../../errors.ts'
import type { CreatePodContainer, PodContainerRequest } from '../../../engine/create-pod-container.ts'
import { NamespaceMode, type ContainerConfig, type KeyValue, type PodSandboxConfig } from '../../wire/generated/runtime-v1.ts'
import { needAbsolute, needInner, needKnown, needNoNul } from './check.ts'
import { mountOf } from './mounts.ts'
import { containerName } from './names.ts'
import { oomScoreOf, resourcesOf } from './resources.ts'
import { securityOf, userOf } from './security.ts'
import { signalText } from './signals.ts'

/** What the engine makes of a ContainerConfig. `pod` is the sandbox as it was made. @throws invalid */
export function containerRequestOf(config: ContainerConfig, pod: PodSandboxConfig): PodContainerRequest {
  needNoNul(config, 'the container config')
  const { metadata, linux } = config
  if (!metadata?.name || !pod.metadata) throw new Failure('invalid', 'the container has no name')
  if (!config.image?.image) throw new Failure('invalid', `container ${metadata.name} has no image`)
  if (linux?.securityContext?.privileged && !pod.linux?.securityContext?.privileged) throw new Failure('invalid', `container ${metadata.name} may not be privileged, since its pod is not`)
  const stopSignal = signalText(config.stopSignal)
  return {
    name: containerName(metadata, pod.metadata), image: config.image.image,
    ...(config.command.length ? { entrypoint: config.command } : {}), command: config.args,
    env: config.envs.map(variable),
    ...(config.workingDir ? { workdir: config.workingDir } : {}),
    ...userOf(linux?.securityContext), managePasswd: false,
    terminal: config.tty, stdin: config.stdin, stdinOnce: config.stdinOnce,
    labels: Object.entries(config.labels), annotations: Object.entries(config.annotations),
    mounts: config.mounts.map(mountOf),
    devices: [
      ...config.devices.map(({ hostPath, containerPath, permissions }) =>
        ({ source: needAbsolute(hostPath, 'a device of the host'), target: needAbsolute(containerPath || hostPath, 'a device'), permissions: permissions || 'rwm' })),
      ...config.CDIDevices.map(({ name }) => ({ source: cdiName(name) })),
    ],
    readOnlyRootfs: linux?.securityContext?.readonlyRootfs ?? false, readOnlyTmpfs: false,
    security: securityOf(linux?.securityContext), resources: resourcesOf(linux?.resources), ...oomScoreOf(linux?.resources),
    sysctls: [], httpProxy: false,
    log: logOf(config.logPath, pod.logDirectory),
    ...(stopSignal ? { stopSignal } : {}),
    restart: { name: 'no' },
  }
}

function variable({ key, value }: KeyValue): readonly [string, string] {
  if (key === '' || key.includes('=')) throw new Failure('invalid', `${JSON.stringify(key.slice(0, 60))} is no name of an environment variable`)
  return [key, value]
}

function cdiName(name: string): string {
  if (!/^[^/=\s]+\/[^/=\s]+=[^/=\s]+$/.test(name)) throw new Failure('invalid', `${JSON.stringify(name.slice(0, 60))} is no CDI device`, { hint: 'they are named VENDOR/CLASS=DEVICE' })
  return name
}

/** A path that leads nowhere on the host is left to us: the log lies with the container then. */
const logOf = (path: string, dir: string): PodContainerRequest['log'] =>
  (path === '' ? { driver: 'none' } : { driver: 'k8s-file', ...(dir !== '' || isAbsolute(path) ? { path: join(dir, needInner(path, 'the log path')) } : {}) })

/** Whose processes it shares. */
export function pidOf(config: ContainerConfig): CreatePodContainer['pid'] {
  const options = config.linux?.securityContext?.namespaceOptions
  switch (needKnown(options?.pid ?? NamespaceMode.POD, NamespaceMode, 'the process namespace of the container')) {
    case NamespaceMode.NODE: return 'host'
    case NamespaceMode.TARGET:
      if (!options?.targetId) throw new Failure('invalid', 'the container whose processes are to be shared is not named')
      return { target: options.targetId }
    case NamespaceMode.CONTAINER: return 'container'
    default: return 'pod'
  }
}
