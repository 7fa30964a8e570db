import { Failure } from '../errors.ts'
import type { Storage, StorageSetup } from './storage.ts'

export async function makeStorage({ paths }: StorageSetup): Promise<Storage> {
  throw new Failure('unsupported', `the store at ${paths.root} can't be opened yet`)
}
