import { isFailure } from '../../errors.ts'
import type { Engine } from '../../engine/engine.ts'
import { userNamespaceProblem } from '../../engine/user-namespaces.ts'
import type { HandlerFeatures } from './server.ts'

/** The default runtime (the empty name), and every configured one that is installed, with what it can do. */
export async function findHandlers(engine: Pick<Engine, 'config' | 'runtime' | 'storage'>): Promise<Map<string, HandlerFeatures>> {
  const names = ['', ...Object.keys(engine.config.engine.runtimes)]
  const found = await Promise.all(names.map(async (name) => [name, await featuresOf(engine, name)] as const))
  return new Map(found.flatMap(([name, features]) => (features ? [[name, features] as const] : [])))
}

/** Undefined for one that isn't installed; a runtime too old to tell what it can do can nothing of it. */
async function featuresOf(engine: Pick<Engine, 'runtime' | 'storage'>, name: string): Promise<HandlerFeatures | undefined> {
  const runtime = await engine.runtime(name || undefined).catch(unlessFailure)
  if (!runtime) return name === '' ? { recursiveReadOnly: false, userNamespaces: false } : undefined
  const features = await runtime.features().catch(unlessFailure)
  return {
    recursiveReadOnly: features?.mountOptions.includes('rro') ?? false,
    userNamespaces: await userNamespaceProblem(engine, name || undefined) === undefined,
  }
}

const unlessFailure = (error: unknown): undefined => {
  if (!isFailure(error)) throw error
}
