import { isAbsolute } from 'node:path'
import { Failure } from '../../../errors.ts'
import type { ContainerRequest, SecurityRequest } from '../../../spec/request.ts'
import { needAbsolute, needKnown, needWithin } from './check.ts'
import { SecurityProfile_ProfileType as Kind, SupplementalGroupsPolicy, type LinuxContainerSecurityContext, type SecurityProfile } from '../../wire/generated/runtime-v1.ts'

/** @throws invalid */
export function securityOf(context: LinuxContainerSecurityContext | undefined): SecurityRequest {
  if (!context) return { capAddAmbient: false, seccomp: 'unconfined', exactMaskedPaths: [], exactReadOnlyPaths: [] }
  const { capabilities, privileged } = context
  const dropped = (capabilities?.dropCapabilities ?? []).map(upper)
  const apparmor = apparmorOf(context)
  const selinux = selinuxOf(context)
  return {
    privileged, capAddAmbient: false,
    // Drop wins over add, as the kubelet's runtimes have it.
    capAdd: (capabilities?.addCapabilities ?? []).filter((name) => !dropped.includes(upper(name)) || upper(name) === 'ALL'),
    capDrop: capabilities?.dropCapabilities ?? [],
    ambientCaps: capabilities?.addAmbientCapabilities ?? [],
    noNewPrivileges: context.noNewPrivs,
    ...seccompOf(context),
    ...(apparmor ? { apparmor } : {}),
    ...(selinux.length ? { selinux } : {}),
    ...(privileged ? {} : { exactMaskedPaths: context.maskedPaths.map(hidden), exactReadOnlyPaths: context.readonlyPaths.map(hidden) }),
  }
}

const hidden = (path: string): string => needAbsolute(path, 'a path to be masked or read-only')
const upper = (name: string): string => name.toUpperCase().replace(/^CAP_/, '')

/** An absent message is unconfined, an empty one the runtime's default. Old kubelets say it in a string. */
function seccompOf({ privileged, seccomp, seccompProfilePath }: Pick<LinuxContainerSecurityContext, 'privileged' | 'seccomp' | 'seccompProfilePath'>): Pick<SecurityRequest, 'seccomp'> {
  const profile = known(seccomp) ?? oldProfile(seccompProfilePath)
  if (privileged || !profile || profile.profileType === Kind.Unconfined) return { seccomp: 'unconfined' }
  if (profile.profileType !== Kind.Localhost) return {}
  if (!isAbsolute(profile.localhostRef)) throw new Failure('invalid', `seccomp profile "${profile.localhostRef}" must be an absolute path`)
  return { seccomp: { path: profile.localhostRef } }
}

function apparmorOf({ privileged, apparmor, apparmorProfile }: LinuxContainerSecurityContext): string | undefined {
  const profile = known(apparmor) ?? oldProfile(apparmorProfile)
  if (!profile) return undefined
  if (profile.profileType === Kind.Unconfined || (privileged && profile.profileType === Kind.RuntimeDefault)) return 'unconfined'
  return profile.profileType === Kind.Localhost ? profile.localhostRef.replace(/^localhost\//, '') : undefined
}

function known(profile: SecurityProfile | undefined): SecurityProfile | undefined {
  if (profile) needKnown(profile.profileType, Kind, 'the type of a security profile')
  return profile
}

/** `runtime/default`, `unconfined`, `localhost/NAME`. @throws invalid */
function oldProfile(text: string): SecurityProfile | undefined {
  if (text === '') return undefined
  if (text === 'runtime/default' || text === 'docker/default') return { profileType: Kind.RuntimeDefault, localhostRef: '' }
  if (text === 'unconfined') return { profileType: Kind.Unconfined, localhostRef: '' }
  if (text.startsWith('localhost/')) return { profileType: Kind.Localhost, localhostRef: text.slice('localhost/'.length) }
  throw new Failure('invalid', `unknown security profile "${text}"`)
}

/** As `SecurityRequest.selinux` has it. */
export const selinuxOf = ({ selinuxOptions }: Pick<LinuxContainerSecurityContext, 'selinuxOptions'>): string[] =>
  (['user', 'role', 'type', 'level'] as const).flatMap((part) => (selinuxOptions?.[part] ? [`${part}:${selinuxOptions[part]}`] : []))

/** @throws invalid for a group without a user */
export function userOf(context: LinuxContainerSecurityContext | undefined): Pick<ContainerRequest, 'user' | 'groups' | 'supplementalGroupsPolicy'> {
  if (!context) return {}
  const { runAsUser, runAsUsername, runAsGroup, supplementalGroups } = context
  const user = runAsUser ? idText(runAsUser.value) : runAsUsername
  if (runAsGroup && !user) throw new Failure('invalid', 'a group to run as was given without a user')
  return {
    ...(user ? { user: runAsGroup ? `${user}:${idText(runAsGroup.value)}` : user } : {}),
    groups: supplementalGroups.map(idText),
    supplementalGroupsPolicy: needKnown(context.supplementalGroupsPolicy, SupplementalGroupsPolicy, 'the policy of supplementary groups') === SupplementalGroupsPolicy.Strict ? 'strict' : 'merge',
  }
}

const MAX_ID = 2 ** 31 - 1
const idText = (id: bigint): string => String(needWithin(id, [0, MAX_ID], 'the id of a user or group'))
