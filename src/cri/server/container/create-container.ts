import { Failure } from '../../../errors.ts'
import { createPodContainer } from '../../../engine/create-pod-container.ts'
import { findImage } from '../../../engine/find-image.ts'
import type { CreateContainerRequest, CreateContainerResponse } from '../../wire/generated/runtime-v1.ts'
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
  const containerId = await joined(server, request.name!, async () => {
    const made = await createdContainer(server, request.name!)
    if (made) return made
    if (!view.ready) throw new Failure('wrongState', `pod sandbox "${podSandboxId}" is not ready`)
    const image = await findImage(server.engine, config.image!.image)
    return createPodContainer(server.engine, { pod: view.pod, request, image, pid: pidOf(config), source: containerSourceText(config) })
  })
  return { containerId }
}

async function createdContainer({ engine }: Server, name: string): Promise<string | undefined> {
  const holder = await engine.state.names.holder(name)
  const row = holder?.kind === 'container' ? await engine.state.containers.get(holder.id) : undefined
  return row?.phase === 'created' ? row.id : undefined
}
