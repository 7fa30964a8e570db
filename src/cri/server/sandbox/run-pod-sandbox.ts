import { Failure } from '../../../errors.ts'
import { runPod } from '../../../engine/run-pod.ts'
import type { RunPodSandboxRequest, RunPodSandboxResponse } from '../../wire/generated/runtime-v1.ts'
import { podRequestOf } from '../convert/pod-request.ts'
import { chooseHandler } from '../handlers.ts'
import { findPodFacts } from '../find.ts'
import { joined } from '../in-flight.ts'
import type { Rpc } from '../rpc.ts'
import type { Server } from '../server.ts'
import { podSourceText } from '../sources.ts'

/** A retry joins the run that is under way, or gets the sandbox that it made. @throws notFound where the handler's runtime is not installed */
export const runPodSandbox: Rpc<RunPodSandboxRequest, RunPodSandboxResponse> = async (server, request) => {
  if (!request.config) throw new Failure('invalid', 'the request has no sandbox config')
  const { runtime } = chooseHandler(server, request.config, request.runtimeHandler)
  await server.engine.runtime(runtime)
  const wanted = { ...podRequestOf(request.config, runtime), source: podSourceText(request), ...(server.settings.network === undefined ? {} : { networkName: server.settings.network }) }
  const podSandboxId = await joined(server, wanted.name, async () => await readyPod(server, wanted.name) ?? runPod(server.engine, wanted))
  return { podSandboxId }
}

async function readyPod(server: Server, name: string): Promise<string | undefined> {
  const holder = await server.engine.state.names.holder(name)
  const facts = holder?.kind === 'pod' ? await findPodFacts(server, holder.id) : undefined
  return facts?.view.ready ? facts.view.pod.id : undefined
}
