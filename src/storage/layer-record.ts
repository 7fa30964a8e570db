// What is kept beside a layer's tree, and where.
import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { isFailure } from '../errors.ts'
import { readFileBounded } from '../fs/read-in-root.ts'
import { algorithmOf, hexOf, isDigest, type Digest } from '../image/digest.ts'
import { log } from '../log.ts'
import type { Layer } from './storage.ts'

export const TREE = 'diff'
export const RECORD = 'layer.json'
const MAX_RECORD_BYTES = 1 << 16

/** A layer's directory: the hex digits for sha256, with the algorithm in front for others. */
export const layerDir = (layers: string, chainId: Digest): string =>
  join(layers, algorithmOf(chainId) === 'sha256' ? hexOf(chainId) : `${algorithmOf(chainId)}-${hexOf(chainId)}`)

const chainIdOf = (name: string): Digest | undefined => {
  const text = /^[0-9a-f]{64}$/.test(name) ? `sha256:${name}` : name.replace('-', ':')
  return isDigest(text) ? text : undefined
}

export const recordText = ({ tree: _, ...record }: Layer): string => JSON.stringify(record)

/** What the system says of a file that is no readable record; other errors are not the record's. */
const UNREADABLE: ReadonlySet<string | undefined> = new Set(['EISDIR', 'ENOTDIR', 'ELOOP', 'ENXIO', 'EIO', 'EUCLEAN'])
const told = new Set<string>()

/** Undefined where there is no layer. A record that makes no sense, as a power cut may leave it, counts as none, with one warning. */
export function readLayer(layers: string, chainId: Digest): Layer | undefined {
  const dir = layerDir(layers, chainId)
  let record: Omit<Layer, 'tree'> | undefined
  try {
    record = parseRecord(readFileBounded(join(dir, RECORD), MAX_RECORD_BYTES).toString())
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    if (!isFailure(error) && !UNREADABLE.has(code)) throw error
  }
  if (record?.chainId === chainId) return { ...record, parent: record.parent, tree: join(dir, TREE) }
  if (!told.has(dir)) log.warn(`the record ${join(dir, RECORD)} is damaged: the layer counts as missing until an image that needs it is pulled again`)
  told.add(dir)
  return undefined
}

function parseRecord(text: string): Omit<Layer, 'tree'> | undefined {
  try {
    const value = JSON.parse(text) as Omit<Layer, 'tree'>
    const sound = isDigest(value.diffId) && (value.parent === undefined || isDigest(value.parent)) && isDigest(value.blob.digest)
      && Number.isSafeInteger(value.blob.size) && typeof value.blob.mediaType === 'string' && Number.isSafeInteger(value.sizeBytes)
    return sound ? value : undefined
  } catch {
    return undefined
  }
}

/** Chain ids that have a directory. */
export const listChainIds = (layers: string): Digest[] => readdirSync(layers).flatMap((name) => chainIdOf(name) ?? [])

/** Chain ids that have a directory, but no record that can be read. */
export const listBroken = (layers: string): Digest[] => listChainIds(layers).filter((chainId) => readLayer(layers, chainId) === undefined)

/** Whether the tree itself is there; a removed or lost one can be rebuilt. */
export const hasTree = (layer: Layer): boolean => lstatSync(layer.tree, { throwIfNoEntry: false })?.isDirectory() === true
