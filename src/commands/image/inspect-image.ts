import { NIL_MAP, goMap } from '../../cli/template/values.ts'
import type { Engine } from '../../engine/engine.ts'
import { findImage } from '../../engine/find-image.ts'
import type { Image } from './images-view.ts'
import { inspectedImage } from './inspect-view.ts'

/** @throws Failure notFound */
export async function inspectImage(engine: Engine, text: string) {
  const image = await findImage(engine, text)
  return inspectedImage(image, { name: (await engine.storage()).driver, data: await layerDirs(engine, image) })
}

async function layerDirs(engine: Engine, { chainIds }: Image) {
  const { layers } = await engine.storage()
  const found = await Promise.all([...chainIds].reverse().map((chainId) => layers.find(chainId as Parameters<typeof layers.find>[0])))
  const trees = found.flatMap((layer) => (layer ? [layer.tree] : []))
  return trees.length === 0 ? NIL_MAP : goMap({ ...(trees.length > 1 ? { LowerDir: trees.slice(1).join(':') } : {}), UpperDir: trees[0]! })
}
