// CNI specification versions: order and choice.

/** What this runtime speaks, newest first. */
export const SUPPORTED: readonly string[] = ['1.1.0', '1.0.0', '0.4.0', '0.3.1', '0.3.0', '0.2.0', '0.1.0']

/** Negative when `a` is older than `b`. */
export const compareVersions = (a: string, b: string): number => {
  const [left, right] = [numbers(a), numbers(b)]
  const at = [0, 1, 2].find((index) => left[index] !== right[index])
  return at === undefined ? 0 : left[at]! - right[at]!
}

export const atLeast = (version: string, least: string): boolean => compareVersions(version, least) >= 0

/**
 * The newest version that a list offers (`cniVersion` and `cniVersions`) and this runtime speaks; a list
 * without any is 0.1.0. Absent when there is none.
 */
export const chooseVersion = (offered: readonly string[]): string | undefined =>
  SUPPORTED.find((version) => (offered.length === 0 ? ['0.1.0'] : offered).includes(version))

const numbers = (version: string): number[] => {
  const parts = version.split('.').map((part) => Number.parseInt(part, 10) || 0)
  return [parts[0] ?? 0, parts[1] ?? 0, parts[2] ?? 0]
}
