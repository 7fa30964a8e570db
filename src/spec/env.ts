import type { ImageSettings } from '../image/image-config.ts'
import type { ContainerRequest, Pairs } from './request.ts'

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/**
 * systemd and others look at `container`: that it is set, or for a name that they know. `oci` is the one that
 * systemd-detect-virt knows for any manager of OCI containers.
 */
const MANAGER = 'oci'

export interface EnvInputs {
  readonly request: Pick<ContainerRequest, 'env' | 'unsetEnv' | 'unsetAllEnv' | 'httpProxy' | 'hostEnv' | 'terminal'>
  readonly image: ImageSettings | undefined
  readonly configEnv: Pairs
  readonly proxyEnv: Pairs
  readonly hostEnv: Pairs
  readonly cdiEnv: readonly string[]
  readonly home: string
  readonly hostname: string
  /** Set in systemd mode: 32 hex digits. */
  readonly uuid?: string | undefined
  /** The service manager's socket, inside. */
  readonly notifySocket?: string | undefined
}

/** `NAME=value` lines; what comes later in the list of sources wins. */
export function buildEnv(inputs: EnvInputs): string[] {
  const { request } = inputs
  const env = new Map<string, string>()
  const put = (pairs: Pairs) => { for (const [name, value] of pairs) env.set(name, value) }
  if (!request.unsetAllEnv) put(inherited(inputs))
  for (const name of request.unsetEnv ?? []) env.delete(name)
  put(request.env)
  if (inputs.notifySocket) env.set('NOTIFY_SOCKET', inputs.notifySocket)
  if (inputs.uuid) env.set('container_uuid', inputs.uuid)
  if (!env.has('HOME')) env.set('HOME', inputs.home)
  if (!env.has('HOSTNAME')) env.set('HOSTNAME', inputs.hostname)
  put(inputs.cdiEnv.map(pair))
  return [...env].map(([name, value]) => `${name}=${value}`)
}

const inherited = ({ request, image, configEnv, proxyEnv, hostEnv }: EnvInputs): Pairs => [
  ['PATH', DEFAULT_PATH],
  ...(request.terminal ? [['TERM', 'xterm'] as const] : []),
  ['container', MANAGER],
  ...configEnv,
  ...(request.hostEnv ? hostEnv : []),
  ...(request.httpProxy === false ? [] : proxyEnv),
  ...(image?.Env ?? []).map(pair),
]

const pair = (text: string): readonly [string, string] => {
  const at = text.indexOf('=')
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}
