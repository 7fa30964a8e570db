import { readFile } from 'node:fs/promises'
import type { Engine } from './engine.ts'

/** The OCI runtime specification that a container was last started with; undefined where there is none: it is of one boot and goes with the run. */
export async function specOf({ paths }: Pick<Engine, 'paths'>, id: string): Promise<object | undefined> {
  try {
    return JSON.parse(await readFile(paths.container(id).config, 'utf8')) as object
  } catch {
    return undefined
  }
}
