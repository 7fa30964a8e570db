import type { ValuesOf } from '../../../cli/command.ts'
import { networkOptions, resourceOptions, securityOptions, storageOptions } from './isolation-options.ts'
import { laterOptions } from './later-options.ts'
import { imageOptions, processOptions } from './process-options.ts'

/** Every flag that describes a container. */
export const createOptions = { ...processOptions, ...imageOptions, ...resourceOptions, ...securityOptions, ...storageOptions, ...networkOptions, ...laterOptions }

export type CreateValues = ValuesOf<typeof createOptions>
