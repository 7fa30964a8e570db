import type { Config } from '../config.ts'
import type { Environment } from '../environment.ts'
import { registryFiles } from '../registry/registry-files.ts'
import { openRegistry, type Registry } from '../registry/registry.ts'

/** The registry client with the ecosystem's files. */
export const openConfiguredRegistry = (_config: Config, environment: Environment): Registry => openRegistry({
  files: registryFiles({
    home: environment.home, uid: process.getuid?.() ?? 0, configHome: environment.xdgConfigHome, cacheHome: environment.xdgCacheHome, runtimeDir: environment.xdgRuntimeDir,
    authFile: environment.registryAuthFile, dockerConfigDir: environment.dockerConfigDir, registriesConf: environment.registriesConf,
  }), authorities: { file: environment.sslCertFile, dirs: environment.sslCertDirs }, proxies: environment.proxies, helperEnv: environment.all, helperDirs: environment.path,
})
