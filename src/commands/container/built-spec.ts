// What of a container's last start only its OCI spec tells, and what it will be for one that does not run.
import { readFileSync } from 'node:fs'
import type { Engine } from '../../engine/engine.ts'
import { expectedCapabilities } from '../../engine/expected-capabilities.ts'
import { settings } from '../image/images-view.ts'
import type { Rlimit } from '../../spec/request.ts'
import type { Container } from './row.ts'

export interface BuiltSpec {
  readonly env: readonly string[]
  readonly effectiveCaps: readonly string[]
  readonly boundingCaps: readonly string[]
  readonly mountLabel: string
  readonly processLabel: string
  readonly apparmor: string
  readonly rlimits?: readonly Rlimit[]
}

/** Our own file; undefined while the container does not run. */
export function readBuiltSpec(file: string): BuiltSpec | undefined {
  try {
    return builtSpecOf(JSON.parse(readFileSync(file, 'utf8')))
  } catch {
    return undefined
  }
}

/** Of an OCI specification as it was built. */
export function builtSpecOf({ process = {}, linux = {} }: { readonly process?: Readonly<Record<string, any>>; readonly linux?: Readonly<Record<string, any>> }): BuiltSpec { // eslint-disable-line @typescript-eslint/no-explicit-any
  const caps = process['capabilities'] ?? {}
  return {
    env: process['env'] ?? [], effectiveCaps: caps.effective ?? [], boundingCaps: caps.bounding ?? [], mountLabel: linux['mountLabel'] ?? '',
    processLabel: process['selinuxLabel'] ?? '', apparmor: process['apparmorProfile'] ?? '', rlimits: process['rlimits'] ?? [],
  }
}

export async function expectedSpec(engine: Engine, record: Container['record']): Promise<BuiltSpec> {
  const { request, image } = record
  const stored = image ? await engine.state.images.get(image.id) : undefined
  const configured = engine.config.containers.env.map(([name, value]) => `${name}=${value}`)
  const given: string[] = [...configured, ...(stored ? settings(stored)['Env'] ?? [] : []), ...request.env.map(([name, value]) => `${name}=${value}`)]
  const env = new Map(given.map((text) => [text.split('=', 1)[0]!, text]))
  const { effective, bounding } = expectedCapabilities(engine, record)
  return { env: [...env.values()], effectiveCaps: effective, boundingCaps: bounding, mountLabel: '', processLabel: '', apparmor: request.security.apparmor ?? '' }
}
