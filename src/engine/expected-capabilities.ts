import { resolveCapabilities } from '../spec/capabilities.ts'
import type { ContainerRecord } from '../state/container-record.ts'
import type { Engine } from './engine.ts'
import { boundingCapabilities } from './own-status.ts'

/** Without the files of its root there are only the usual names of root. */
const ROOT = /^(root|0*)(:|$)/

/** What a container that does not run will have, as `CAP_` names. */
export function expectedCapabilities({ config }: Pick<Engine, 'config'>, { request, user }: ContainerRecord): { readonly effective: readonly string[]; readonly bounding: readonly string[] } {
  const held = boundingCapabilities()
  const { sets: { effective = [], bounding = [] } } = resolveCapabilities({ security: request.security, defaults: config.containers.capabilities, held, isRoot: ROOT.test(user) })
  return { effective, bounding }
}
