// Container Device Interface: vendors describe in files what a device needs inside a container.
import * as v from 'valibot'
import { Failure } from '../errors.ts'
import type { DeviceNode } from './devices.ts'
import type { HookStage, OciDevice, OciDeviceRule, OciHook, OciMount } from './oci-spec.ts'

const list = <T extends v.GenericSchema>(item: T) => v.nullish(v.pipe(v.array(item), v.maxLength(10_000)))
const absolute = v.pipe(v.string(), v.startsWith('/', 'must be an absolute path'))
const id = v.nullish(v.pipe(v.number(), v.integer(), v.minValue(0)))
const HOOKS = ['prestart', 'createRuntime', 'createContainer', 'startContainer', 'poststart', 'poststop'] as const

const Edits = v.object({
  env: list(v.pipe(v.string(), v.includes('=', 'must be NAME=value'))),
  deviceNodes: list(v.object({
    path: absolute,
    hostPath: v.nullish(absolute),
    type: v.nullish(v.picklist(['b', 'c', 'u', 'p'])),
    major: id, minor: id, uid: id, gid: id, fileMode: id,
    permissions: v.nullish(v.pipe(v.string(), v.regex(/^[rwm]+$/, 'are letters of rwm'))),
  })),
  mounts: list(v.object({ hostPath: v.string(), containerPath: absolute, type: v.nullish(v.string()), options: list(v.string()) })),
  hooks: list(v.object({ hookName: v.picklist(HOOKS), path: absolute, args: list(v.string()), env: list(v.string()), timeout: id })),
  additionalGids: list(v.pipe(v.number(), v.integer(), v.minValue(0))),
})

const Spec = v.object({
  cdiVersion: v.pipe(v.string(), v.regex(/^(0\.[3-9]|1\.\d+)\.\d+$/, 'is no version that scow knows (0.3.0 to 1.x)')),
  kind: v.pipe(v.string(), v.regex(/^[A-Za-z][A-Za-z0-9_.-]*\/[A-Za-z][A-Za-z0-9_.-]*$/, 'must be vendor.com/class')),
  devices: v.pipe(v.array(v.object({ name: v.pipe(v.string(), v.regex(/^[A-Za-z0-9][A-Za-z0-9_.:-]*$/, 'is no device name')), containerEdits: Edits })), v.minLength(1)),
  containerEdits: v.optional(Edits, {}),
})

/** A CDI specification file. */
export type CdiSpec = v.InferOutput<typeof Spec>
type CdiEdits = v.InferOutput<typeof Edits>
type CdiNode = NonNullable<CdiEdits['deviceNodes']>[number]

/** Checks the parsed JSON or YAML of `file`. */
export function parseCdiSpec(value: unknown, file: string): CdiSpec {
  const result = v.safeParse(Spec, value, { abortEarly: true })
  if (result.success) return result.output
  throw new Failure('invalid', `CDI specification ${file}: ${v.getDotPath(result.issues[0]) ?? 'file'}: ${result.issues[0].message}`)
}

/** `vendor.com/class=name`, as --device takes it. */
export const isCdiName = (text: string): boolean => /^[A-Za-z][A-Za-z0-9_.-]*\/[A-Za-z][A-Za-z0-9_.-]*=[A-Za-z0-9][A-Za-z0-9_.:-]*$/.test(text)

/** What the named devices change in a container. */
export interface CdiResult {
  readonly env: readonly string[]
  readonly devices: readonly OciDevice[]
  readonly rules: readonly OciDeviceRule[]
  readonly mounts: readonly OciMount[]
  readonly hooks: readonly (readonly [HookStage, OciHook])[]
  readonly additionalGids: readonly number[]
}

/** Edits of the devices `names`; those that hold for a whole file come once, after its devices. `specs` are in rising priority. */
export function cdiEdits(names: readonly string[], specs: readonly CdiSpec[]): CdiEdits[] {
  const used = new Set<CdiSpec>()
  const ofDevices = [...new Set(names)].map((name) => {
    const [kind, device] = name.split('=')
    for (const spec of specs.toReversed()) {
      const found = spec.kind === kind && spec.devices.find((each) => each.name === device)
      if (!found) continue
      used.add(spec)
      return found.containerEdits
    }
    const known = specs.flatMap((spec) => spec.devices.map((each) => `${spec.kind}=${each.name}`))
    throw new Failure('notFound', `no CDI device ${name}`, { hint: known.length ? `there are ${known.slice(0, 10).join(', ')}` : 'no CDI specification was found in /etc/cdi or /var/run/cdi' })
  })
  return [...ofDevices, ...[...used].map((spec) => spec.containerEdits)]
}

/** Host paths whose device numbers the files leave out: to be looked at and handed in as `nodes`. */
export const cdiNodePaths = (edits: readonly CdiEdits[]): string[] =>
  edits.flatMap(({ deviceNodes }) => deviceNodes ?? []).filter(isIncomplete).map((node) => node.hostPath ?? node.path)

const isIncomplete = ({ type, major, minor }: CdiNode): boolean => !type || (type !== 'p' && (major == null || minor == null))

export function applyCdi(edits: readonly CdiEdits[], nodes: readonly DeviceNode[]): CdiResult {
  const found = edits.flatMap(({ deviceNodes }) => deviceNodes ?? []).map((node) => ({ node, device: deviceOf(node, nodes) }))
  return {
    env: edits.flatMap(({ env }) => env ?? []),
    devices: found.map(({ device }) => device),
    rules: found.flatMap(({ node, device }) => ruleOf(node, device)),
    mounts: edits.flatMap(({ mounts }) => mounts ?? []).map((mount) => ({
      destination: mount.containerPath, source: mount.hostPath, type: mount.type || 'bind', options: [...(mount.options ?? ['rbind', 'rprivate'])],
    })),
    hooks: edits.flatMap(({ hooks }) => hooks ?? []).map(({ hookName, path, args, env, timeout }) =>
      [hookName, { path, ...(args && { args }), ...(env && { env }), ...(timeout && { timeout }) }] as const),
    additionalGids: edits.flatMap(({ additionalGids }) => additionalGids ?? []).filter((gid) => gid !== 0),
  }
}

function deviceOf(node: CdiNode, nodes: readonly DeviceNode[]): OciDevice {
  const hostPath = node.hostPath ?? node.path
  const host = nodes.find(({ path }) => path === hostPath)
  if (isIncomplete(node) && !host) throw new Failure('notFound', `CDI device node ${hostPath} isn't on this host`)
  const major = node.major ?? host?.major
  const minor = node.minor ?? host?.minor
  const fileMode = node.fileMode ?? (host && host.fileMode & 0o7777)
  const uid = node.uid ?? host?.uid
  const gid = node.gid ?? host?.gid
  return {
    path: node.path, type: node.type ?? host!.type,
    ...(major !== undefined && { major }), ...(minor !== undefined && { minor }), ...(fileMode !== undefined && { fileMode }),
    ...(uid !== undefined && { uid }), ...(gid !== undefined && { gid }),
  }
}

const ruleOf = (node: CdiNode, { type, major, minor }: OciDevice): OciDeviceRule[] => (type === 'p' ? [] : [{
  allow: true, type: type === 'b' ? 'b' : 'c', ...(major !== undefined && { major }), ...(minor !== undefined && { minor }), access: node.permissions ?? 'rwm',
}])
