import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { distDir } from '../../paths.ts'

/** Of package.json; of the sources too, where nothing is built. */
export const programVersion = (): string => (JSON.parse(readFileSync(join(distDir, '..', 'package.json'), 'utf8')) as { version: string }).version
