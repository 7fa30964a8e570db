import { Failure } from '../errors.ts'
import type { Registry, RegistryOptions } from './registry.ts'

export function makeRegistry(_options: RegistryOptions): Registry {
  throw new Failure('unsupported', 'registries cannot be reached yet')
}
