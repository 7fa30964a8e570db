import { readFileSync } from 'node:fs'
import { capabilitiesOfMask } from '../spec/capabilities.ts'

/** /proc/self/status. */
export const ownStatus = (): string => readFileSync('/proc/self/status', 'utf8')

/** Of our bounding set, without CAP_: what a container can have at most. */
export const boundingCapabilities = (status = ownStatus()): string[] => capabilitiesOfMask(/^CapBnd:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0')
