// What tests of pulls share: a directory of the file's own, engines in it, and a look at what was unpacked.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext } from 'node:test'
import type { Engine } from './engine.ts'
import { openEngine } from './open-engine.ts'
import type { PullImage } from './pull-image.ts'

export const dir = mkdtempSync(join(tmpdir(), 'scow-pull-'))
export const run = (file: string, ...args: string[]): string => execFileSync(file, args, { cwd: dir, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
after(() => rmSync(dir, { recursive: true, force: true }))

let engines = 0
export async function openStore(t: TestContext, root = join(dir, `store-${++engines}`)): Promise<Engine> {
  const engine = await openEngine({ flags: { root, runroot: `${root}-run` } })
  t.after(() => engine.close())
  return engine
}

export const ask = (reference: string, more: Partial<PullImage> = {}): PullImage => ({ reference, policy: 'missing', access: { retryDelayMs: 1 }, ...more })

/** Of all the layers, what is in /etc. */
export async function tree(engine: Engine, chainIds: readonly string[]): Promise<string[]> {
  const { layers } = await engine.storage()
  return (await Promise.all(chainIds.map(async (id) => readdirSync((await layers.find(id as never))!.tree + '/etc')))).flat()
}
