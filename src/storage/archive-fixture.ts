// For tests: archives from GNU tar and by hand, what a sequential unpack by GNU tar makes of them, and trees as text.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { lstatSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { digestOf, type Digest } from '../image/digest.ts'
import { utimens } from '../sys/addon.ts'
import { readXattrs, isOverlayXattr } from './attributes.ts'
import { bytePath, systemPath } from './byte-path.ts'
import type { LayerSource } from './storage.ts'

export interface Member {
  readonly name: string | Buffer
  readonly type?: string
  readonly content?: string | Buffer
  /** Where the header should lie about it. */
  readonly size?: number
  readonly linkName?: string
  readonly mode?: number
  readonly uid?: number
  readonly gid?: number
  readonly mtime?: number
  readonly device?: readonly [number, number]
  /** Records of a PAX header before it. */
  readonly pax?: Readonly<Record<string, string | Buffer>>
}

const octal = (value: number, length: number) => `${value.toString(8).padStart(length - 1, '0')}\0`

/** One ustar header block with its body. */
export function member(it: Member): Buffer {
  const body = Buffer.from(it.content ?? '')
  const header = Buffer.alloc(512)
  Buffer.from(it.name).copy(header, 0, 0, 100)
  header.write(octal(it.mode ?? (it.type === '5' ? 0o755 : 0o644), 8), 100)
  header.write(octal(it.uid ?? 0, 8), 108)
  header.write(octal(it.gid ?? 0, 8), 116)
  header.write(octal(it.size ?? body.length, 12), 124)
  header.write(octal(it.mtime ?? 1_600_000_000, 12), 136)
  header.write('        ', 148)
  header.write(it.type ?? '0', 156)
  header.write(it.linkName ?? '', 157)
  header.write('ustar\x0000', 257)
  const [major, minor] = it.device ?? [0, 0]
  header.write(octal(major, 8), 329)
  header.write(octal(minor, 8), 337)
  header.write(octal(header.reduce((sum, byte) => sum + byte, 0), 7), 148)
  const whole = Buffer.concat([header, body, Buffer.alloc((512 - (body.length % 512)) % 512)])
  return it.pax === undefined ? whole : Buffer.concat([member({ name: 'pax', type: 'x', content: paxRecords(it.pax) }), whole])
}

export function paxRecords(records: Readonly<Record<string, string | Buffer>>): Buffer {
  return Buffer.concat(Object.entries(records).map(([key, value]) => {
    const rest = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value), Buffer.from('\n')])
    let length = rest.length + 1
    while (String(length).length + rest.length !== length) length = String(length).length + rest.length
    return Buffer.concat([Buffer.from(String(length)), rest])
  }))
}

export const archive = (...members: readonly (Member | Buffer)[]): Buffer =>
  Buffer.concat([...members.map((it) => (Buffer.isBuffer(it) ? it : member(it))), Buffer.alloc(1024)])

/** Fills a directory by `make` and packs it with GNU tar; `args` choose format and members (default `.`). */
export function packed(make: (dir: string) => void, args: readonly string[] = ['--format=pax', '.']): Buffer {
  const dir = mkdtempSync('/tmp/scow-pack-')
  try {
    make(dir)
    const xattrs = args.includes('--format=pax') ? ['--xattrs', '--xattrs-include=*'] : []
    return execFileSync('tar', [...xattrs, '--numeric-owner', '-C', dir, '-cf', '-', ...args], { maxBuffer: 1 << 28 })
  } finally {
    rmSync(dir, { recursive: true })
  }
}

export interface ServedSource extends LayerSource {
  served(): number
}

/** A layer whose bytes come from memory, counted. */
export function sourceOf(bytes: Buffer, { chunk = 1 << 16, mediaType = 'application/vnd.oci.image.layer.v1.tar+gzip', ...rest }:
  { chunk?: number, mediaType?: string, diffId?: Digest, chainId?: Digest, digest?: Digest, size?: number } = {}): ServedSource {
  let served = 0
  const { digest = digestOf(bytes), size = bytes.length, ...more } = rest
  return {
    ...more,
    descriptor: { mediaType, digest, size },
    served: () => served,
    async open(offset) {
      return (async function* () {
        for (let at = offset; at < bytes.length; at += chunk) {
          const piece = bytes.subarray(at, at + chunk)
          served += piece.length
          yield piece
        }
      })()
    },
  }
}

export const gzipped = (tar: Buffer): ServedSource => sourceOf(gzipSync(tar), { diffId: digestOf(tar) })

/** Unpacks the layers one upon the other with GNU tar, removing by our own reading of the whiteout rules. */
export function unpackSequentially(layers: readonly Buffer[], root: string): void {
  mkdirSync(root, { recursive: true })
  for (const layer of layers) {
    const file = `${root}.tar`
    writeFileSync(file, layer)
    const names = execFileSync('tar', ['--quoting-style=literal', '-tf', file], { encoding: 'latin1' }).split('\n')
      .map((name) => name.replace(/^\.?\/+/, '').replace(/\/+$/, ''))
    const times = directoryTimes(root)
    hide(root, names)
    execFileSync('tar', ['--xattrs', '--xattrs-include=*', '--numeric-owner', '--exclude=.wh.*', '-C', root, '-xpf', file], { stdio: ['ignore', 'ignore', 'inherit'] })
    const named = new Set(names)
    if (!layerNamesRoot(file)) named.delete('')
    for (const [path, mtimeNs] of times) {
      const stats = lstatSync(systemPath(`${root}/${path}`), { throwIfNoEntry: false })
      if (!named.has(path) && stats?.isDirectory()) utimens(systemPath(`${root}/${path}`), { atimeNs: mtimeNs, mtimeNs })
    }
    rmSync(file)
  }
}

const layerNamesRoot = (file: string): boolean => /^\.?\/?$/m.test(execFileSync('tar', ['-tf', file], { encoding: 'latin1' }).trimEnd())

function hide(root: string, names: readonly string[]): void {
  for (const name of names) {
    const [, parent = '', hidden] = /^(?:(.*)\/)?\.wh\.([^/]*)$/.exec(name) ?? []
    if (hidden === undefined) continue
    if (hidden !== '.wh..opq') rmSync(join(root, parent, hidden), { recursive: true, force: true })
    else for (const child of readdirSync(join(root, parent))) rmSync(join(root, parent, child), { recursive: true })
  }
}

function directoryTimes(root: string): Map<string, bigint> {
  const times = new Map<string, bigint>()
  walk(bytePath(root), (path, full) => {
    const stats = lstatSync(systemPath(full), { bigint: true })
    if (stats.isDirectory()) times.set(path, stats.mtimeNs)
  })
  return times
}

function walk(root: string, visit: (path: string, full: string) => void, path = ''): void {
  const full = path === '' ? root : `${root}/${path}`
  visit(path, full)
  if (!lstatSync(systemPath(full)).isDirectory()) return
  for (const name of readdirSync(systemPath(full), { encoding: 'buffer' })) {
    walk(root, visit, path === '' ? name.toString('latin1') : `${path}/${name.toString('latin1')}`)
  }
}

/** Every path of a tree with everything that can be seen of it. */
export function describeTree(root: string): Record<string, string> {
  const seen: Record<string, string> = {}
  walk(bytePath(root), (path, full) => {
    const stats = lstatSync(systemPath(full), { bigint: true })
    const xattrs = [...readXattrs(systemPath(full))].filter(([name]) => !isOverlayXattr(name))
      .map(([name, value]) => `${name}=${value.toString('hex')}`).sort()
    const what = stats.isFile() ? `size ${stats.size} links ${stats.nlink} ${createHash('md5').update(readFileSync(systemPath(full))).digest('hex')}`
      : stats.isSymbolicLink() ? `-> ${readlinkSync(systemPath(full), { encoding: 'latin1' })}`
        : stats.isDirectory() ? '' : `rdev ${stats.rdev} links ${stats.nlink}`
    seen[path] = `${stats.mode.toString(8)} ${stats.uid}:${stats.gid} ${stats.mtimeNs} ${what} ${xattrs.join(' ')}`.trimEnd()
  })
  return seen
}

/** A time long ago, so that "now" never looks right by chance. */
export const setOldTimes = (root: string, seconds: number): void =>
  walk(bytePath(root), (_, full) => { if (!lstatSync(systemPath(full)).isSymbolicLink()) utimesSync(systemPath(full), seconds, seconds) })
