import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface TestImages {
  /** OCI layout with the tags busybox, probe and web. */
  readonly layout: string
  /**
   * Storage of a docker-registry with busybox:1, probe:1, web:1, and one small image in each form as form:NAME, where
   * NAME is oci, index, v2s2, list, schema1, zstd or tar.
   */
  readonly registry: string
}

/** Text of the page that the web image serves. */
export const WEB_PAGE = '<h1>scow sails</h1>\n'

/** Made once per machine and version of what makes them, outside any jail: that needs Debian's archive. */
export const imagesDir = (): string => {
  const hash = createHash('sha256')
  for (const file of ['build-images.ts', 'images.ts', 'probe.c']) hash.update(readFileSync(join(import.meta.dirname, file)))
  return join('/var/tmp', `scow-test-images-${hash.digest('hex').slice(0, 12)}`)
}

export function testImages(): TestImages {
  const dir = imagesDir()
  if (!existsSync(dir)) throw new Error(`the test images are not built: run node test/support/build-images.ts (they would be in ${dir})`)
  return { layout: join(dir, 'layout'), registry: join(dir, 'registry') }
}
