// The configuration, from files, environment and flags.
import { isOurs, readConfigSources, readStorageSource, type ConfigPlaces } from './config/files.ts'
import { containersSection, engineSection, networkSection, rootsSection } from './config/sections.ts'
import { storageSection } from './config/storage.ts'
import type { Config, ConfigFlags } from './config/types.ts'
import { environment, type Environment } from './environment.ts'

export type { Config, ConfigFlags, ContainersConfig, EngineConfig, NetworkConfig, StorageConfig } from './config/types.ts'

export interface LoadOptions {
  readonly flags?: ConfigFlags
  readonly environment?: Environment
  /** Folders of the files instead of the usual ones. */
  readonly places?: Partial<ConfigPlaces>
}

/**
 * Reads the configuration files anew. A file with an error is refused with `invalid`, naming file and key; keys that
 * scow doesn't know are passed over, in scow.toml with a warning. A section is worked out, and its types checked, when it is first looked at.
 */
export function loadConfig({ flags = {}, environment: env = environment(), places = {} }: LoadOptions = {}): Config {
  const folders: ConfigPlaces = { share: '/usr/share', etc: '/etc', home: env.xdgConfigHome, ...places }
  const sources = readConfigSources({ places: folders, rootless: env.rootless, onlyFile: env.containersConf, lastFile: env.containersConfOverride })
  const storageFile = () => readStorageSource({ places: folders, rootless: env.rootless, onlyFile: env.storageConf })
  return lazily<Config>({
    roots: () => rootsSection({ sources, flags, environment: env }),
    files: () => sources.map(({ file }) => file),
    containers: () => containersSection(sources),
    engine: () => engineSection({ sources, flags }),
    network: () => networkSection(sources, flags, env),
    storage: () => storageSection({ file: storageFile(), sources, flags, environment: env }),
    own: () => sources.filter(({ file }) => isOurs(file)),
  })
}

/** Most commands look at one or two sections; each costs half a millisecond of every command's start. */
function lazily<T extends object>(makers: { readonly [K in keyof T]: () => T[K] }): T {
  const result = {} as T
  for (const key of Object.keys(makers) as (keyof T)[]) {
    let made: { readonly value: T[keyof T] } | undefined
    Object.defineProperty(result, key, { enumerable: true, get: () => (made ??= { value: makers[key]() }).value })
  }
  return Object.freeze(result)
}
