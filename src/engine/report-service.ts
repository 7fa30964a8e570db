import { log } from '../log.ts'
import { tellManager } from '../process/tell-manager.ts'
import type { Engine } from './engine.ts'

/** How a service that this program itself is fares, told to the manager that started it, if one did. */
export function reportService({ environment }: Pick<Engine, 'environment'>, what: Parameters<typeof tellManager>[1]): void {
  try {
    tellManager(environment.notifySocket, what)
  } catch (error) {
    log.warn(`the service manager could not be told: ${error instanceof Error ? error.message : error}`)
  }
}
