import { writeFileSync } from 'node:fs'
import { posix } from 'node:path'
import { setFileLabel } from '../fs/file-label.ts'
import { makeDir } from '../fs/remove-tree.ts'
import { readInRoot } from '../fs/read-in-root.ts'
import { log } from '../log.ts'
import { specText } from '../spec/spec-text.ts'
import { resolveUser, type ResolvedUser, type UserInputs } from '../spec/users.ts'
import type { Container } from '../state/containers.ts'
import type { Engine } from './engine.ts'
import type { WindowSize } from './attach-io.ts'
import { writeGeneratedFiles } from './generated-files.ts'
import type { PreparedNetwork } from './prepare-network.ts'
import { relaysReadiness } from './report-readiness.ts'
import { resolveMounts } from './resolve-mounts.ts'
import { relabelMount, sharedLabel, type SelinuxLabels } from './selinux-labels.ts'
import { settleSpec } from './settle-spec.ts'

/** Of each of the files in which a root lists its users and groups. */
export const MAX_PASSWD_BYTES = 4 * 2 ** 20

export interface Bundle {
  readonly cgroupPath: string | undefined
  /** The runtime has hooks to run when the process has been started. */
  readonly hooks: boolean
}

export interface BundleInputs {
  readonly container: Container
  readonly rootfsPath: string
  readonly network: PreparedNetwork
  readonly selinux: SelinuxLabels | undefined
  readonly windowSize?: WindowSize
}

/** Settles everything that the spec depends on and writes the bundle: config.json is made anew for each start. */
export async function writeBundle(engine: Engine, { container, rootfsPath, network, selinux, windowSize }: BundleInputs): Promise<Bundle> {
  const { id, record } = container
  const { request } = record
  const own = engine.paths.container(id)
  makeDir(own.run, request.idMappings ? 0o711 : 0o700)
  makeDir(own.bundle, 0o700)
  const { passwd, group } = usersOf(rootfsPath)
  const user = resolveUser({ user: record.user, passwd, group, groups: request.groups, policy: request.supplementalGroupsPolicy })
  const mounts = await resolveMounts(engine, { container, rootfsPath, user, selinux })
  if (user.uid !== 0 && container.podId === undefined) await makeWorkdir(container, { rootfsPath, user })
  if (selinux) for (const [index, mount] of request.mounts.entries()) await relabelMount(mount, mounts[index]?.source ?? '', selinux)
  const files = await writeGeneratedFiles(engine, { container, rootfsPath, network, user, passwd, group })
  const notify = relaysReadiness(engine, container) ? own.notify : undefined
  if (notify) makeDir(notify, 0o755)
  // Others read them too: containers that share the network.
  if (selinux) for (const dir of [own.etc, ...(notify ? [notify] : [])]) await setFileLabel(dir, sharedLabel(selinux))
  const { spec, warnings, cgroupPath } = await settleSpec(engine, { container, rootfsPath, user, mounts, files: { ...files, ...(notify ? { notify } : {}) }, network: network.namespace, selinux })
  // Sent by the monitor it could come after the process has asked.
  if (windowSize && request.terminal && spec.process) spec.process.consoleSize = { height: windowSize.rows, width: windowSize.columns }
  for (const warning of warnings) log.warn(warning)
  writeFileSync(own.config, specText(spec), { mode: 0o600 })
  return { cgroupPath, hooks: (spec.hooks?.poststart ?? []).length > 0 }
}

/** The runtime would make a missing one as root, who alone could write there. What is mounted over it is nobody's to make. */
async function makeWorkdir({ record: { request, workdir } }: Container, { rootfsPath, user }: { rootfsPath: string; user: ResolvedUser }): Promise<void> {
  if (workdir === '/' || request.mounts.some(({ target }) => `${workdir}/`.startsWith(`${posix.normalize(target).replace(/\/$/, '')}/`))) return
  const [{ makeDirInRoot }, { hostIds }] = await Promise.all([import('../fs/make-dir-in-root.ts'), import('./give-to-user.ts')])
  const [uid, gid] = hostIds(user, request.idMappings)
  makeDirInRoot(rootfsPath, workdir, { uid, gid })
}

const usersOf = (rootfsPath: string): Pick<UserInputs, 'passwd' | 'group'> => ({ passwd: readText(rootfsPath, '/etc/passwd'), group: readText(rootfsPath, '/etc/group') })

const readText = (root: string, path: string): string | undefined => readInRoot(root, path, MAX_PASSWD_BYTES)?.toString('utf8')

/** The user that an exec or the container's process gets, looked up in a root. */
export const userInRoot = (rootfsPath: string, user: string, groups: readonly string[] = []): ResolvedUser =>
  resolveUser({ user, groups, ...usersOf(rootfsPath) })
