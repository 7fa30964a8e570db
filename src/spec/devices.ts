import { Failure } from '../errors.ts'
import type { OciDevice, OciDeviceRule } from './oci-spec.ts'

/** A device node of the host. */
export interface DeviceNode {
  readonly path: string
  readonly type: 'c' | 'b' | 'p'
  readonly major: number
  readonly minor: number
  /** Permission bits. */
  readonly fileMode: number
  readonly uid: number
  readonly gid: number
}

/** A host device (or each of a directory) as it shall appear inside. */
export interface ResolvedDevice extends DeviceNode {
  /** Path inside the container. */
  readonly target: string
  /** Any of r, w, m. */
  readonly permissions: string
}

export interface DeviceInputs {
  readonly privileged: boolean
  readonly hostDevices: readonly DeviceNode[]
  readonly devices: readonly ResolvedDevice[]
  /** `type major:minor mode` */
  readonly rules: readonly string[]
  readonly systemd: boolean
}

/** Nodes to make and the rules of the device cgroup. The runtime itself adds null, zero, full, random, urandom, tty, ptmx and console. */
export function buildDevices(inputs: DeviceInputs): { devices: OciDevice[]; rules: OciDeviceRule[] } {
  const { privileged, hostDevices, devices, rules, systemd } = inputs
  const fromHost = privileged ? hostDevices.filter(({ path }) => !isOwn(path, systemd)).map((node) => nodeAt(node, node.path)) : []
  const nodes = new Map([...fromHost, ...devices.map((device) => nodeAt(device, device.target))].map((node) => [node.path, node]))
  return {
    devices: [...nodes.values()],
    rules: privileged
      ? [{ allow: true, access: 'rwm' }]
      : [{ allow: false, access: 'rwm' }, ...devices.filter(({ type }) => type !== 'p').map(ruleFor), ...rules.map(parseDeviceRule)],
  }
}

/** Parts of /dev that every container has of its own. systemd would start a login on each terminal it sees. */
const isOwn = (path: string, systemd: boolean): boolean =>
  /^\/dev\/(pts|shm|fd|mqueue|\.lxc|\.lxd-mounts|\.udev)(\/|$)|^\/dev\/(console|ptmx|null|zero|full|random|urandom|tty)$/.test(path)
  || (systemd && /^\/dev\/tty\d+$/.test(path))

const nodeAt = ({ type, major, minor, fileMode, uid, gid }: DeviceNode, path: string): OciDevice =>
  ({ type, path, major, minor, fileMode: fileMode & 0o7777, uid, gid })

const ruleFor = ({ type, major, minor, permissions }: ResolvedDevice): OciDeviceRule => {
  if (!/^[rwm]{1,3}$/.test(permissions)) throw new Failure('invalid', `device permissions '${permissions}' are wrong: they are letters of rwm`)
  return { allow: true, type: type as 'c' | 'b', major, minor, access: permissions }
}

/** `c 10:200 rwm`, where `*` stands for every number and `a` for every type. */
export function parseDeviceRule(text: string): OciDeviceRule {
  const match = /^([abc]) (\d+|\*):(\d+|\*) ([rwm]{1,3})$/.exec(text.trim())
  if (!match) throw new Failure('invalid', `device cgroup rule '${text}' is wrong`, { hint: "it looks like 'c 10:200 rwm'" })
  const [, type, major, minor, access] = match
  return {
    allow: true, type: type as 'a' | 'b' | 'c', access: access!,
    ...(major !== '*' && { major: Number(major) }),
    ...(minor !== '*' && { minor: Number(minor) }),
  }
}
