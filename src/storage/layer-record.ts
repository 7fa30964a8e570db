// What is kept beside a layer's tree, and where.
import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../errors.ts'
import { readFileBounded } from '../fs/read-in-root.ts'
import { algorithmOf, hexOf, isDigest, type Digest } from '../image/digest.ts'
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

/** Undefined where there is no layer. Failure invalid for a record that makes no sense. */
export function readLayer(layers: string, chainId: Digest): Layer | undefined {
  const dir = layerDir(layers, chainId)
  let text: string
  try {
    text = readFileBounded(join(dir, RECORD), MAX_RECORD_BYTES).toString()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  const record = parseRecord(text)
  if (record?.chainId !== chainId) {
    throw new Failure('invalid', `the record ${join(dir, RECORD)} is damaged`, { hint: `remove ${dir} and pull the image again` })
  }
  return { ...record, parent: record.parent, tree: join(dir, TREE) }
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

/** Whether the tree itself is there; a removed or lost one can be rebuilt. */
export const hasTree = (layer: Layer): boolean => lstatSync(layer.tree, { throwIfNoEntry: false })?.isDirectory() === true
