// What differs between drivers: how layers become a root file system.
import type { ContainerLayers, DriverName } from './storage.ts'
import type { WhiteoutStyle } from './whiteouts.ts'

export interface Driver {
  readonly name: DriverName
  /** How removed files are marked in the layers' trees. */
  readonly style: WhiteoutStyle
  readonly containers: ContainerLayers
}
