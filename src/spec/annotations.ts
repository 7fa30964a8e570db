import type { Pairs } from './request.ts'

/** Says to tools that look into config.json who made it. */
const MANAGER = 'io.container.manager'

export function buildAnnotations(defaults: Pairs, requested: Pairs): Record<string, string> {
  const pairs: Pairs = [[MANAGER, 'scow'], ...defaults, ...requested]
  return Object.fromEntries([...new Map(pairs)].sort(([a], [b]) => (a < b ? -1 : 1)))
}
