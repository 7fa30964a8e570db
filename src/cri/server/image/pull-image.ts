import { status } from '@grpc/grpc-js'
import { Failure, isFailure } from '../../../errors.ts'
import { pullImage as pull } from '../../../engine/pull-image.ts'
import type { AuthConfig, PullImageRequest, PullImageResponse } from '../../wire/generated/runtime-v1.ts'
import { imageIdOf } from '../convert/container-status.ts'
import { RpcError, type Rpc } from '../rpc.ts'

/** Ends when the client goes: what has come by then is kept for the next try. */
export const pullImage: Rpc<PullImageRequest, PullImageResponse> = async (server, { image: spec, auth }, { signal }) => {
  if (!spec?.image) throw new Failure('invalid', 'the request names no image')
  const creds = credentials(auth)
  try {
    const image = await pull(server.engine, { reference: spec.image, policy: 'always', signal, ...(creds === undefined ? {} : { access: { creds } }) })
    return { imageRef: imageIdOf(image.id) }
  } catch (error) {
    // The kubelet knows this word at the beginning of the text.
    if (isFailure(error, 'unavailable')) throw new RpcError(status.UNKNOWN, `RegistryUnavailable: ${error.message}`, { cause: error })
    throw error
  }
}

/** @throws invalid, unsupported */
function credentials(auth: AuthConfig | undefined): string | undefined {
  if (!auth) return undefined
  if (auth.username) return `${auth.username}:${auth.password}`
  if (auth.auth) {
    const text = Buffer.from(auth.auth, 'base64').toString('utf8').replace(/\0+$/, '')
    if (!text.includes(':')) throw new Failure('invalid', 'the credentials are not in the form user:password')
    return text
  }
  if (auth.identityToken || auth.registryToken) throw new Failure('unsupported', 'registry tokens of the kubelet are not supported: give user and password')
  return undefined
}
