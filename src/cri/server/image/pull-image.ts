import { Failure, isFailure } from '../../../errors.ts'
import { pullImage as pull, type PullImage } from '../../../engine/pull-image.ts'
import type { AuthConfig, PullImageRequest, PullImageResponse } from '../../wire/generated/runtime-v1.ts'
import { imageIdOf } from '../convert/container-status.ts'
import { STATUS } from '../grpc/status.ts'
import { RpcError, type Rpc } from '../rpc.ts'

type Access = NonNullable<PullImage['access']>

/** Ends when the client goes: what has come by then is kept for the next try. */
export const pullImage: Rpc<PullImageRequest, PullImageResponse> = async (server, { image: spec, auth }, { signal }) => {
  if (!spec?.image) throw new Failure('invalid', 'the request names no image')
  const access = accessOf(auth)
  try {
    const image = await pull(server.engine, { reference: spec.image, policy: 'always', signal, ...(access && { access }) })
    return { imageRef: imageIdOf(image.id) }
  } catch (error) {
    // The kubelet knows this word at the beginning of the text.
    if (isFailure(error, 'unavailable')) throw new RpcError(STATUS.UNKNOWN, `RegistryUnavailable: ${error.message}`, { cause: error })
    throw error
  }
}

/** What the kubelet has for the registry; of several things the one that containerd takes. @throws invalid */
function accessOf(auth: AuthConfig | undefined): Access | undefined {
  if (!auth) return undefined
  const host = auth.serverAddress ? { credsHost: hostOf(auth.serverAddress) } : {}
  if (auth.username) return { creds: `${auth.username}:${auth.password}`, ...host }
  if (auth.registryToken) return { registryToken: auth.registryToken, ...host }
  if (auth.identityToken) return { identityToken: auth.identityToken, ...host }
  if (!auth.auth) return undefined
  const text = Buffer.from(auth.auth, 'base64').toString('utf8').replace(/\0+$/, '')
  if (!text.includes(':')) throw new Failure('invalid', 'the credentials are not in the form user:password')
  return { creds: text, ...host }
}

const DOCKER_HUB = new Set(['index.docker.io', 'registry-1.docker.io'])

/** Host of a server's address, which may be a URL. Credentials go nowhere else. */
function hostOf(address: string): string {
  const url = URL.parse(address.includes('://') ? address : `https://${address}`)
  if (!url) throw new Failure('invalid', 'the server address of the credentials is not an address')
  return DOCKER_HUB.has(url.host) ? 'docker.io' : url.host
}
