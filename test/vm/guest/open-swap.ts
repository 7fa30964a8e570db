import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'

/** The machine has none until it is asked for. */
export function openSwap(): void {
  if (existsSync('/swap')) return
  execFileSync('fallocate', ['-l', '512M', '/swap'])
  execFileSync('chmod', ['600', '/swap'])
  for (const program of ['mkswap', 'swapon']) execFileSync(program, ['/swap'], { stdio: 'ignore' })
}
