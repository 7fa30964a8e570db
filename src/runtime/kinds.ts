// How runtimes differ from runc's command line. Anything unknown is taken to be like runc.
import { basename } from 'node:path'

export type RuntimeKind = 'runc' | 'crun' | 'runsc' | 'kata' | 'other'

/** The network that a container has: the host's, none but lo, that of a namespace of its own, or of one that others use too. */
export type RuntimeNetwork = 'host' | 'none' | 'namespace' | 'shared'

export interface Traits {
  readonly networkArgs: Readonly<Record<RuntimeNetwork, readonly string[]>>
  readonly listArgs: readonly string[]
  readonly hasFeatures: boolean
  readonly hasUpdate: boolean
  /** What it keeps of a container is known here: open-gate.ts, delete-ended.ts. */
  readonly hasKnownState: boolean
  /** What to do when it is missing. */
  readonly install: string
}

const NO_NETWORK_ARGS = { host: [], none: [], namespace: [], shared: [] }
const LIKE_RUNC: Traits = {
  networkArgs: NO_NETWORK_ARGS, listArgs: ['list', '--format', 'json'], hasFeatures: true, hasUpdate: true, hasKnownState: false,
  install: 'install it, or name another with --runtime',
}

export const TRAITS: Readonly<Record<RuntimeKind, Traits>> = {
  runc: { ...LIKE_RUNC, hasKnownState: true, install: 'install runc: apt install runc' },
  crun: { ...LIKE_RUNC, install: 'install crun: apt install crun' },
  // gVisor has its own network stack, told here what to do; in a namespace it takes the addresses away from the interfaces that it finds,
  // for good: where another container is to find them too, it must use the namespace's own stack.
  runsc: {
    ...LIKE_RUNC, listArgs: ['list', '-format', 'json'], hasFeatures: false, hasUpdate: false, install: 'install gVisor: apt install runsc',
    networkArgs: { host: ['--network=host'], none: ['--network=none'], namespace: ['--network=sandbox'], shared: ['--network=host'] },
  },
  kata: { ...LIKE_RUNC, hasFeatures: false, install: 'install Kata Containers: https://katacontainers.io' },
  other: LIKE_RUNC,
}

export const kindOf = (nameOrPath: string): RuntimeKind => {
  const name = basename(nameOrPath)
  return name.startsWith('runc') ? 'runc' : name.startsWith('crun') ? 'crun' : name.startsWith('runsc') ? 'runsc'
    : name.startsWith('kata') ? 'kata' : 'other'
}
