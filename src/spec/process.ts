import { posix } from 'node:path'
import { Failure } from '../errors.ts'
import type { HostFacts } from './host-facts.ts'
import type { ImageSettings } from '../image/image-config.ts'
import type { ContainerRequest } from './request.ts'

/** Where the init binary is mounted inside. */
export const INIT_TARGET = '/run/scow-init'

/** Entrypoint and command. A replaced entrypoint drops the image's command, an empty one drops the image's entrypoint. */
export function commandOf(request: Pick<ContainerRequest, 'entrypoint' | 'command'>, image: ImageSettings | undefined): string[] {
  const entrypoint = request.entrypoint ?? image?.Entrypoint ?? []
  const command = request.command.length || request.entrypoint !== undefined ? request.command : image?.Cmd ?? []
  const args = [...(entrypoint.length === 1 && entrypoint[0] === '' ? [] : entrypoint), ...command]
  if (args.length) return args
  throw new Failure('invalid', 'no command or entrypoint provided, and none in the image', { hint: 'give the command after the image' })
}

/** Working directory: the request's, else the image's, else /. */
export function workdirOf(request: Pick<ContainerRequest, 'workdir'>, image: ImageSettings | undefined): string {
  return posix.resolve('/', request.workdir || image?.WorkingDir || '/')
}

const SYSTEMD_PATHS = new Set(['/sbin/init', '/usr/sbin/init', '/usr/local/sbin/init'])

/** Whether the container gets the mounts and the stop signal that systemd wants. */
export function isSystemdMode(request: Pick<ContainerRequest, 'systemd'>, args: readonly string[]): boolean {
  if (request.systemd === 'always') return true
  const program = args[0] ?? ''
  return request.systemd !== 'false' && (SYSTEMD_PATHS.has(program) || posix.basename(program) === 'systemd')
}

/** The score and a warning when the caller may not go as low as asked. */
export function oomScoreOf(wanted: number | undefined, host: HostFacts): { oomScoreAdj?: number; warning?: string } {
  if (wanted === undefined) return {}
  if (!Number.isInteger(wanted) || wanted < -1000 || wanted > 1000) {
    throw new Failure('invalid', `oom score ${wanted} is out of range: it must be -1000 to 1000`)
  }
  if (wanted >= host.oomScoreAdj || host.boundingCapabilities.includes('SYS_RESOURCE')) return { oomScoreAdj: wanted }
  return { oomScoreAdj: host.oomScoreAdj, warning: `oom score ${wanted} raised to ${host.oomScoreAdj}: lowering it needs CAP_SYS_RESOURCE` }
}

export interface ApparmorInputs {
  readonly requested: string | undefined
  readonly privileged: boolean
  /** The configured profile. */
  readonly fallback: string
  readonly host: HostFacts
}

/** The profile to enter, or undefined for none. An expressly named one must be there; the default is used where it is loaded. */
export function apparmorOf({ requested, privileged, fallback, host }: ApparmorInputs): string | undefined {
  if (requested === 'unconfined') return undefined
  if (requested !== undefined) {
    if (!host.apparmor) throw new Failure('unsupported', `AppArmor profile '${requested}' was asked for, but this host has no AppArmor`, { hint: 'ask for no profile' })
    if (!host.apparmor.loadedProfiles.includes(requested)) throw new Failure('notFound', `AppArmor profile '${requested}' isn't loaded`, { hint: 'load it with apparmor_parser' })
    return requested
  }
  return !privileged && host.apparmor?.loadedProfiles.includes(fallback) ? fallback : undefined
}

export function personalityOf(name: string | undefined): { domain: 'LINUX' | 'LINUX32' } | undefined {
  if (!name) return undefined
  const domain = name.toUpperCase()
  if (domain === 'LINUX' || domain === 'LINUX32') return { domain }
  throw new Failure('invalid', `unknown personality '${name}'`, { hint: 'it is LINUX or LINUX32' })
}
