import assert from 'node:assert/strict'

/** A digest of every file's name and bytes, and every link, of an image's root. */
const SUM = 'cd / && { find . -xdev -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum; find . -xdev ! -type f -printf "%p %y %m %U:%G %l\\n" | LC_ALL=C sort; } | grep -vE " \\./(dev|proc|sys|run|etc/(hosts|hostname|resolv.conf|mtab))" | sha256sum'

/** Asserts that the image's files are those of a fresh pull into other roots. The registry must be open. */
export async function assertAsPulled(scow: (...args: string[]) => Promise<string>, image: string): Promise<void> {
  const other = ['--root', '/var/tmp/other', '--runroot', '/run/other']
  await scow(...other, 'pull', '-q', image)
  const words = ['run', '--rm', '--pull', 'never', '--network', 'none', '--entrypoint', 'sh', image, '-c', SUM]
  assert.equal(await scow(...words), await scow(...other, ...words))
  await scow(...other, 'rmi', '-a')
}
