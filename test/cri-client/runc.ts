// The runc of the PATH, for runtimes that insist on sparing their pods from the OOM killer.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export const inPath = (name: string): string => execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim()

const CAP_SYS_RESOURCE = 24n

/** Only some machines let root lower a score: on others the specification asks runc for none. */
export function runcPath(dir: string): string {
  const capabilities = BigInt(`0x${/^CapEff:\t(\w+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))![1]!}`)
  if (capabilities & (1n << CAP_SYS_RESOURCE)) return inPath('runc')
  const file = join(dir, 'runc-without-score')
  writeFileSync(file, `#!/bin/sh
bundle= before=
for word; do [ "$before" != --bundle ] || bundle=$word; before=$word; done
[ -z "$bundle" ] || sed -i 's/"oomScoreAdj": *-[0-9]*/"oomScoreAdj":0/' "$bundle/config.json"
exec ${inPath('runc')} "$@"
`, { mode: 0o755 })
  return file
}
