// Whether containers here can have user namespaces of their own.
import { Failure } from '../errors.ts'
import type { Engine } from './engine.ts'

type Parts = Pick<Engine, 'runtime' | 'storage'>

const WITH_USER_NAMESPACES: readonly string[] = ['runc', 'crun']

/** Of a runtime by name or path; one line saying why not, or undefined. Owners are shifted by us, not by the runtime: an old one is enough. */
export async function userNamespaceProblem(engine: Parts, runtimeName: string | undefined): Promise<string | undefined> {
  const runtime = await engine.runtime(runtimeName)
  if (!WITH_USER_NAMESPACES.includes(runtime.kind)) return `the OCI runtime ${runtime.path} has none`
  return (await engine.storage()).idmapProblem()
}

/** @throws unsupported */
export async function needUserNamespaces(engine: Parts, runtimeName: string | undefined): Promise<void> {
  const problem = await userNamespaceProblem(engine, runtimeName)
  if (problem !== undefined) throw new Failure('unsupported', `user namespaces are not possible here: ${problem}`)
}
