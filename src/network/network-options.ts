// -o of `network create`: which driver takes which, and docker's names for some.
import { Failure } from '../errors.ts'
import type { Pairs } from '../spec/request.ts'

const DOCKER_NAMES: Readonly<Record<string, string>> = { 'com.docker.network.driver.mtu': 'mtu' }

const OF_DRIVER: Readonly<Record<string, readonly string[]>> = {
  bridge: ['mtu', 'vlan', 'isolate', 'no_default_route'],
  macvlan: ['mtu', 'parent', 'mode', 'no_default_route'],
  ipvlan: ['mtu', 'parent', 'mode', 'no_default_route'],
}

const MODES_OF: Readonly<Record<string, readonly string[]>> = {
  macvlan: ['bridge', 'private', 'vepa', 'passthru'],
  ipvlan: ['l2', 'l3', 'l3s'],
}

/** Normal names and values. Throws Failure invalid. */
export const checkOptions = (driver: string, options: Pairs): Record<string, string> =>
  Object.fromEntries(options.map(([given, value]) => {
    const key = DOCKER_NAMES[given] ?? given
    if (!OF_DRIVER[driver]?.includes(key)) {
      throw new Failure('invalid', `unsupported ${driver} network option ${given}`, { hint: `${driver} takes ${OF_DRIVER[driver]?.join(', ')}` })
    }
    return [key, CHECKS[key]?.(value, driver) ?? value]
  }))

const CHECKS: Readonly<Record<string, (value: string, driver: string) => string>> = {
  mtu: (value) => {
    const mtu = integer('mtu', value)
    if (mtu < 0) throw new Failure('invalid', `mtu ${value} is less than zero`)
    if (mtu > 65535) throw new Failure('invalid', `mtu ${value} is more than 65535`)
    return String(mtu)
  },
  vlan: (value) => {
    const vlan = integer('vlan', value)
    if (vlan < 0 || vlan > 4094) throw new Failure('invalid', `vlan ID ${value} must be between 0 and 4094`)
    return String(vlan)
  },
  isolate: (value) => boolean('isolate', value),
  no_default_route: (value) => boolean('no_default_route', value),
  mode: (value, driver) => {
    if (!MODES_OF[driver]?.includes(value)) throw new Failure('invalid', `unknown ${driver} mode "${value}"`, { hint: MODES_OF[driver]?.join(', ') ?? '' })
    return value
  },
}

const integer = (name: string, value: string): number => {
  if (!/^-?\d{1,9}$/.test(value)) throw new Failure('invalid', `network option ${name}=${value} is not a number`)
  return Number(value)
}

const boolean = (name: string, value: string): string => {
  const words: Readonly<Record<string, string>> = { true: 'true', '1': 'true', t: 'true', false: 'false', '0': 'false', f: 'false' }
  const word = words[value.toLowerCase()]
  if (word === undefined) throw new Failure('invalid', `network option ${name}=${value} is not true or false`)
  return word
}
