/**
 * Finds the detach sequence in what is typed, over any split of chunks. Keys of a begun sequence are held back until it is
 * complete or broken; a broken one is passed on whole.
 */
export function detachScanner(keys: readonly number[]): (chunk: Buffer) => { pass: Buffer; detach: boolean } {
  if (keys.length === 0) return (chunk) => ({ pass: chunk, detach: false })
  let matched = 0
  return (chunk) => {
    const pass: number[] = []
    for (const byte of chunk) {
      if (byte === keys[matched]) {
        matched++
        if (matched === keys.length) return { pass: Buffer.from(pass), detach: true }
        continue
      }
      pass.push(...keys.slice(0, matched))
      matched = byte === keys[0] ? 1 : 0
      if (matched === 0) pass.push(byte)
    }
    return { pass: Buffer.from(pass), detach: false }
  }
}
