import { readFileSync } from 'node:fs'
import { Failure } from '../errors.ts'
import type { OciProcess, OciSpec } from '../spec/oci-spec.ts'
import type { Container } from '../state/containers.ts'
import type { Engine } from './engine.ts'
import type { ExecRequest } from './exec-container.ts'
import { boundingCapabilities } from './own-status.ts'
import { userInRoot } from './write-bundle.ts'

/** The OCI process of an exec: the container's own, with another command, terminal, environment, user and directory. */
export async function buildExecProcess(engine: Engine, { id, name }: Container, request: ExecRequest): Promise<OciProcess> {
  const spec = ownSpec(engine, id, name)
  const own = spec.process
  if (request.command.length === 0) throw new Failure('invalid', 'exec needs a command', { hint: 'scow exec CONTAINER COMMAND' })
  if (request.workdir !== undefined && !request.workdir.startsWith('/')) throw new Failure('invalid', `the working directory "${request.workdir}" must be an absolute path`)
  const user = request.user === undefined ? undefined : userInRoot(spec.root.path, request.user)
  const env = new Map(own.env.map((pair) => [pair.split('=', 1)[0]!, pair]))
  if (request.terminal && !env.has('TERM')) env.set('TERM', 'TERM=xterm')
  if (user) env.set('HOME', `HOME=${user.home}`)
  for (const [key, value] of request.env ?? []) env.set(key, `${key}=${value}`)
  return {
    ...own,
    terminal: request.terminal ?? false,
    // The monitor learns the size only when the process runs already.
    ...(request.terminal && request.io?.size ? { consoleSize: { height: request.io.size.rows, width: request.io.size.columns } } : {}),
    args: [...request.command],
    env: [...env.values()],
    cwd: request.workdir ?? own.cwd,
    ...(user ? { user: { uid: user.uid, gid: user.gid, additionalGids: [...user.additionalGids] } } : {}),
    ...capabilities(spec, request, user?.uid ?? own.user.uid),
  }
}

function ownSpec({ paths }: Engine, id: string, name: string): OciSpec {
  try {
    return JSON.parse(readFileSync(paths.container(id).config, 'utf8')) as OciSpec
  } catch (error) {
    throw new Failure('wrongState', `cannot exec: the bundle of container ${name} is gone or damaged`, { cause: error, hint: `restart it: scow restart ${name}` })
  }
}

/** A user other than root has only the bounding set, to regain by set-uid programs; --privileged has all that this program holds. */
function capabilities(spec: OciSpec, { privileged, user }: ExecRequest, uid: number): Pick<OciProcess, 'capabilities'> {
  const own = spec.process.capabilities
  if (!privileged && user === undefined) return own ? { capabilities: own } : {}
  const bounding = privileged ? held() : own?.bounding ?? []
  const effective = uid === 0 ? bounding : []
  return { capabilities: { bounding: [...bounding], effective: [...effective], permitted: [...effective], inheritable: [], ambient: [] } }
}

const held = (): string[] => boundingCapabilities().map((name) => `CAP_${name}`)
