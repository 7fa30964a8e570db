import { realpathSync } from 'node:fs'
import type { Engine } from './engine.ts'

/** Whether policy.json lets an image be taken that comes from a path, or through a pipe without one. @throws denied */
export async function admitLocal(engine: Pick<Engine, 'registry'>, { transport, path, image }: { transport: string; path: string | undefined; image?: string | undefined }): Promise<void> {
  const registry = await engine.registry()
  await registry.admit({ transport, path: path === undefined ? '' : realPath(path), image })
}

/** What cannot be resolved will not be read either. */
function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}
