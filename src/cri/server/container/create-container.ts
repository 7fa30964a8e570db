import { Failure } from '../../../errors.ts'
import { createPodContainer } from '../../../engine/create-pod-container.ts'
import { findImage } from '../../../engine/find-image.ts'
import type { ContainerConfig, CreateContainerRequest, CreateContainerResponse } from '../../wire/generated/runtime-v1.ts'
import { containerRequestOf, pidOf } from '../convert/container-request.ts'
import { needPod } from '../find.ts'
import { joined } from '../in-flight.ts'
import type { Rpc } from '../rpc.ts'
import type { Server } from '../server.ts'
import { containerSourceText } from '../sources.ts'

/** A retry joins the creation that is under way, or gets the container that it made. */
export const createContainer: Rpc<CreateContainerRequest, CreateContainerResponse> = async (server, { podSandboxId, config }) => {
  if (!config) throw new Failure('invalid', 'the request has no container config')
  const { view, source } = await needPod(server, podSandboxId)
  const request = containerRequestOf(config, source.config)
  needMounts(server, config, source.runtimeHandler)
  const containerId = await joined(server, request.name!, async () => {
    const made = await createdContainer(server, request.name!)
    if (made) return made
    if (!view.ready) throw new Failure('wrongState', `pod sandbox "${podSandboxId}" is not ready`)
    const image = await findImage(server.engine, config.image!.image)
    return createPodContainer(server.engine, { pod: view.pod, request, image, pid: pidOf(config), source: containerSourceText(config) })
  })
  return { containerId }
}

/** A runtime too old to know of recursive read-only mounts would make a plain one. @throws unsupported */
function needMounts({ handlers }: Pick<Server, 'handlers'>, { mounts }: ContainerConfig, handler: string): void {
  const mount = mounts.find(({ recursiveReadOnly }) => recursiveReadOnly)
  if (mount && handlers.get(handler)?.recursiveReadOnly === false) {
    throw new Failure('unsupported', `recursive read-only mount on ${mount.containerPath}: the OCI runtime can't do it, or can't say`, { hint: 'use runc 1.1, or a crun that has the command features' })
  }
}

async function createdContainer({ engine }: Server, name: string): Promise<string | undefined> {
  const holder = await engine.state.names.holder(name)
  const row = holder?.kind === 'container' ? await engine.state.containers.get(holder.id) : undefined
  return row?.phase === 'created' ? row.id : undefined
}
