// What of a container's last start only its OCI spec tells.
import { readFileSync } from 'node:fs'

export interface BuiltSpec {
  readonly env: readonly string[] | undefined
  readonly effectiveCaps: readonly string[]
  readonly boundingCaps: readonly string[]
  readonly mountLabel: string
  readonly processLabel: string
  readonly apparmor: string
}

/** Our own file; absent before the first start and after a reboot. */
export function readBuiltSpec(file: string): BuiltSpec {
  let spec: Record<string, any> = {}
  try {
    spec = JSON.parse(readFileSync(file, 'utf8'))
  } catch { /* not started since the boot */ }
  const caps = spec['process']?.capabilities ?? {}
  return {
    env: spec['process']?.env, effectiveCaps: caps.effective ?? [], boundingCaps: caps.bounding ?? [], mountLabel: spec['linux']?.mountLabel ?? '',
    processLabel: spec['process']?.selinuxLabel ?? '', apparmor: spec['process']?.apparmorProfile ?? '',
  }
}
