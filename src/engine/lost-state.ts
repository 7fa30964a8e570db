import { existsSync, readdirSync } from 'node:fs'
import { basename } from 'node:path'
import { log } from '../log.ts'
import type { Paths } from '../paths.ts'

/** Of whoever has just made the database: where there are containers, layers or volumes, there was one before. */
export function tellOfLostState({ root, database, containers, layers, volumes }: Paths): void {
  const left = [containers, layers, volumes].filter(holdsAnything)
  if (left.length === 0) return
  log.warn(`${database} was missing or empty, and is made anew: what ${root} has in ${left.map((dir) => basename(dir)).join(', ')} is in no list; restore it from a backup, if there is one`)
}

const holdsAnything = (dir: string): boolean => existsSync(dir) && readdirSync(dir).length > 0
