import { digestOf, type Digest } from './digest.ts'

/** ChainID of OCI image spec, config.md: names the tree of a layer together with everything below it. */
export const chainId = (parent: Digest | undefined, diffId: Digest): Digest =>
  parent === undefined ? diffId : digestOf(`${parent} ${diffId}`)

/** One chain id for each diff id, bottom first. */
export const chainIds = (diffIds: readonly Digest[]): Digest[] => {
  const chain: Digest[] = []
  for (const diffId of diffIds) chain.push(chainId(chain.at(-1), diffId))
  return chain
}
