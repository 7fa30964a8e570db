// Pulling an image, and the credentials for it.
import { Failure } from '../../errors.ts'
import { ImageServiceService as Images, PullImageRequest, type AuthConfig, type PodSandboxConfig } from '../wire/generated/runtime-v1.ts'
import type { Connection } from './connection.ts'

export interface Credentials {
  /** `user:password`. */
  readonly creds?: string | undefined
  /** Base64 of the same, as the registries' configuration files hold it. */
  readonly auth?: string | undefined
  readonly username?: string | undefined
  readonly password?: string | undefined
}

/** @throws Failure invalid: more than one kind, or none that can be read */
export function authConfig({ creds, auth, username, password }: Credentials): Partial<AuthConfig> | undefined {
  if ([creds, auth, username].filter((one) => one !== undefined && one !== '').length > 1) throw new Failure('invalid', 'give only one of --creds, --auth and --username')
  if (creds !== undefined && creds !== '') {
    const colon = creds.indexOf(':')
    if (colon === 0) throw new Failure('invalid', '--creds has no user name', { hint: 'give user:password' })
    return colon < 0 ? { username: creds } : { username: creds.slice(0, colon), password: creds.slice(colon + 1) }
  }
  if (auth !== undefined && auth !== '') return { auth }
  if (username !== undefined && username !== '') return { username, password: password ?? '' }
  return undefined
}

export interface Pull {
  readonly image: string
  readonly auth?: Partial<AuthConfig> | undefined
  readonly pod?: PodSandboxConfig | undefined
  readonly annotations?: Readonly<Record<string, string>>
  /** Undefined: for as long as it takes. */
  readonly timeoutMs?: number | undefined
}

/** @returns the runtime's reference of the image */
export async function pullImage(images: Connection, { image, auth, pod, annotations = {}, timeoutMs }: Pull): Promise<string> {
  const request = PullImageRequest.fromPartial({ image: { image, annotations: { ...annotations } }, ...(auth ? { auth } : {}), ...(pod ? { sandboxConfig: pod } : {}) })
  return (await images.call(Images.pullImage, request, { timeoutMs })).imageRef
}
