// An image that only sleeps, from our own pause: for runtimes that need one and would fetch it from the network.
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { checkout } from './program.ts'

/** Without its tag, `:1`. */
export const PAUSE = 'scow.test/pause'

/** Makes an OCI layout below `dir`, with the tag `1`: its path. */
export function pauseLayout(dir: string): string {
  const work = join(dir, 'pause')
  mkdirSync(join(work, 'tree'), { recursive: true })
  copyFileSync(join(checkout, 'dist/pause'), join(work, 'tree/pause'))
  const run = (file: string, ...args: string[]) => execFileSync(file, args, { stdio: 'pipe' })
  const layout = join(work, 'layout')
  run('tar', '--create', '--file', join(work, 'layer.tar'), '--directory', join(work, 'tree'), '.')
  run('umoci', 'init', '--layout', layout)
  run('umoci', 'new', '--image', `${layout}:1`)
  run('umoci', 'raw', 'add-layer', '--image', `${layout}:1`, join(work, 'layer.tar'))
  run('umoci', 'config', '--image', `${layout}:1`, '--config.entrypoint', '/pause')
  return layout
}
