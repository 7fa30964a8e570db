import type { Reference } from '../image/reference.ts'
import type { Endpoint } from './endpoint.ts'
import { readHosts } from './hosts-toml.ts'
import type { RegistriesConf } from './registries-conf.ts'
import { routesFor, ruleFor } from './routes.ts'

/**
 * Every place that has `reference`, in the order to ask, the registry itself last. registries.conf decides where it has a
 * rule for the name, else containerd's hosts.toml where there is one for the registry. Failures denied (blocked), invalid.
 */
export async function findEndpoints(reference: Reference, { conf, hostsDirs }: { conf: RegistriesConf; hostsDirs: readonly string[] }): Promise<Endpoint[]> {
  const hosts = ruleFor(reference, conf) ? undefined : await readHosts(reference, hostsDirs)
  return hosts ?? routesFor(reference, conf)
}

/** Those that may say what a tag means; a digest means the same everywhere. */
export const thatResolve = (endpoints: readonly Endpoint[], { digest }: Reference): Endpoint[] =>
  endpoints.filter(({ server }) => server === undefined || (server.pulls && (server.resolves || digest !== undefined)))
