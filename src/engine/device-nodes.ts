import { readdirSync, statSync } from 'node:fs'
import { Failure } from '../errors.ts'
import type { DeviceNode, ResolvedDevice } from '../spec/devices.ts'
import type { DeviceRequest } from '../spec/request.ts'

/** Linux's split of a dev_t (makedev(3)). */
const majorOf = (dev: number): number => Math.floor(dev / 256) % 4096 + Math.floor(dev / 2 ** 32) % 2 ** 20 * 4096
const minorOf = (dev: number): number => dev % 256 + Math.floor(dev / 2 ** 20) % 2 ** 12 * 256

/** The device node at `path`, links followed; undefined when it is none or gone. */
export function deviceNode(path: string): DeviceNode | undefined {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (!stat || (!stat.isCharacterDevice() && !stat.isBlockDevice() && !stat.isFIFO())) return undefined
  return {
    path, type: stat.isBlockDevice() ? 'b' : stat.isFIFO() ? 'p' : 'c', major: majorOf(stat.rdev), minor: minorOf(stat.rdev),
    fileMode: stat.mode & 0o7777, uid: stat.uid, gid: stat.gid,
  }
}

export const isCdiName = (source: string): boolean => !source.startsWith('/') && source.includes('=')

/** What `--device` names on the host; of a directory all devices below. @throws notFound, invalid */
export function resolveDevices(requests: readonly DeviceRequest[]): ResolvedDevice[] {
  return requests.filter(({ source }) => !isCdiName(source)).flatMap(({ source, target = source, permissions = 'rwm' }) => {
    const stat = statSync(source, { throwIfNoEntry: false })
    if (!stat) throw new Failure('notFound', `${source}: no such device on the host`)
    const found = stat.isDirectory() ? below(source) : [source]
    const nodes = found.flatMap((path) => {
      const node = deviceNode(path)
      return node ? [{ ...node, target: target + path.slice(source.length), permissions }] : []
    })
    if (nodes.length === 0) throw new Failure('invalid', `${source}: not a device`, { hint: 'mount files and directories' })
    return nodes
  })
}

const below = (dir: string): string[] => readdirSync(dir, { withFileTypes: true }).flatMap((entry) =>
  (entry.isDirectory() ? below(`${dir}/${entry.name}`) : [`${dir}/${entry.name}`]))

/** Device numbers of the block devices that limits name. @throws notFound, invalid */
export function blockDevices(paths: readonly string[]): Map<string, { major: number; minor: number }> {
  return new Map(paths.map((path) => {
    const node = deviceNode(path)
    if (node?.type !== 'b') throw new Failure(node ? 'invalid' : 'notFound', `${path}: ${node ? 'not a block device' : 'no such device on the host'}`)
    return [path, { major: node.major, minor: node.minor }]
  }))
}
