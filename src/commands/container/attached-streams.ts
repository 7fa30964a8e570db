export interface AttachedStreams {
  attaches(stream: 'stdin' | 'stdout' | 'stderr'): boolean
  /** Nothing of the container's is shown: its id is, as soon as it runs. */
  readonly isSilent: boolean
}

/** What `--attach` of run means: all, where it isn't given. */
export function attachedStreams(named: readonly string[]): AttachedStreams {
  const attaches: AttachedStreams['attaches'] = (stream) => named.length === 0 || named.some((name) => name.toLowerCase() === stream)
  return { attaches, isSilent: !attaches('stdout') && !attaches('stderr') }
}
