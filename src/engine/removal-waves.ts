import type { Engine } from './engine.ts'

/** In what order containers go: each wave once those before it are gone, so that none is needed by one that is still there. */
export async function removalWaves<T extends { readonly id: string }>({ state }: Pick<Engine, 'state'>, chosen: readonly T[]): Promise<T[][]> {
  const needs = chosen.length > 1 ? await state.containers.needs() : []
  const waves: T[][] = []
  for (let left = [...chosen]; left.length > 0;) {
    const ids = new Set(left.map(({ id }) => id))
    const needed = new Set(needs.filter(({ id }) => ids.has(id)).map((need) => need.needed))
    const wave = left.filter(({ id }) => !needed.has(id))
    waves.push(wave.length > 0 ? wave : left)
    left = wave.length > 0 ? left.filter(({ id }) => needed.has(id)) : []
  }
  return waves
}
