import { CAPABILITIES, capabilityName } from '../capabilities.ts'
import { Failure } from '../errors.ts'
import type { CapabilitySet } from './oci-spec.ts'
import type { SecurityRequest } from './request.ts'

/** The names in a mask as /proc/PID/status prints it (CapBnd, CapEff, ...: hexadecimal). */
export function capabilitiesOfMask(hex: string): string[] {
  const mask = BigInt(`0x${hex.trim()}`)
  return CAPABILITIES.filter((_, number) => (mask >> BigInt(number)) & 1n)
}

function parseCapability(text: string): string {
  const name = capabilityName(text)
  if (name === undefined) throw new Failure('invalid', `unknown capability '${text}'`, { hint: 'see capabilities(7) for the names' })
  return name
}

export interface CapabilityInputs {
  readonly security: SecurityRequest
  readonly defaults: readonly string[]
  /** What may be given on at all. */
  readonly held: readonly string[]
  readonly isRoot: boolean
}

export interface ResolvedCapabilities {
  readonly sets: Partial<Record<CapabilitySet, string[]>>
  readonly warnings: readonly string[]
}

/**
 * Root gets the set as effective and permitted. Another user holds nothing but what was added expressly, which must
 * then be ambient to survive the exec; the bounding set still lets file capabilities work.
 */
export function resolveCapabilities({ security, defaults, held, isRoot }: CapabilityInputs): ResolvedCapabilities {
  const add = (security.capAdd ?? []).map(parseCapability)
  const drop = (security.capDrop ?? []).map(parseCapability)
  const ambient = (security.ambientCaps ?? []).map(parseCapability)
  const both = add.find((name) => drop.includes(name))
  if (both) throw new Failure('invalid', `capability ${both} can't be both added and dropped`)

  const wanted = (names: readonly string[]) => (names.includes('ALL') ? [...held] : held.filter((name) => names.includes(name)))
  const added = wanted(add)
  const base = security.privileged ? held : drop.includes('ALL') ? [] : wanted(defaults)
  const bounding = held.filter((name) => (base.includes(name) || added.includes(name) || ambient.includes(name)) && !drop.includes(name))
  const given = security.privileged || security.capAddAmbient === false ? [] : added
  const active = isRoot || security.capAddAmbient === false ? bounding : given
  const inherited = isRoot ? wanted(ambient) : [...new Set([...given, ...wanted(ambient)])]
  const missing = [...new Set([...add, ...ambient])].filter((name) => name !== 'ALL' && !held.includes(name))
  return {
    sets: {
      bounding: named(bounding),
      ...filled('effective', [...new Set([...active, ...inherited])]),
      ...filled('permitted', [...new Set([...active, ...inherited])]),
      ...filled('inheritable', inherited),
      ...filled('ambient', inherited),
    },
    warnings: missing.map((name) => `capability ${name} isn't held by scow itself and can't be given to the container`),
  }
}

const named = (names: readonly string[]): string[] => names.map((name) => `CAP_${name}`).sort()
const filled = (set: CapabilitySet, names: readonly string[]) => (names.length ? { [set]: named(names) } : {})
