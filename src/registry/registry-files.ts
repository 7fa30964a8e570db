// Where the ecosystem keeps what concerns registries: containers-registries.conf(5), containers-auth.json(5),
// containers-policy.json(5), containers-certs.d(5), and containerd's hosts.toml.
import { join } from 'node:path'

export interface RegistryFiles {
  /** The first that exists counts alone. */
  readonly registriesConf: readonly string[]
  /** registriesConf was named by the user: it must exist. */
  readonly registriesConfRequired: boolean
  /** Directories of *.conf, later ones win. */
  readonly dropIns: readonly string[]
  /** Where this main file of the user's is found, it and the drop-ins beside it stand for those of the system too, as with podman. */
  readonly user?: { readonly registriesConf: string; readonly dropIns: string }
  /** Aliases that podman's prompts recorded; they win over the files. */
  readonly aliasCache: string
  /** The first with credentials for the registry counts. */
  readonly authFiles: readonly AuthFile[]
  /** policy.json: the first that exists counts alone. */
  readonly policies: readonly string[]
  /** The first that has a directory for the registry counts. */
  readonly certDirs: readonly string[]
  /** containerd's certs.d, with hosts.toml; the first that has a directory for the registry counts. */
  readonly hostsDirs: readonly string[]
}

export interface AuthFile {
  readonly path: string
  /** Named by the user: it must exist. */
  readonly required: boolean
  /** ~/.dockercfg: the entries without the surrounding `auths`. */
  readonly legacy?: boolean
}

export interface FilesSetup {
  readonly home: string
  readonly uid: number
  readonly configHome?: string | undefined
  readonly cacheHome?: string | undefined
  readonly runtimeDir?: string | undefined
  /** REGISTRY_AUTH_FILE */
  readonly authFile?: string | undefined
  /** DOCKER_CONFIG, a directory */
  readonly dockerConfigDir?: string | undefined
  /** CONTAINERS_REGISTRIES_CONF or REGISTRIES_CONFIG_PATH */
  readonly registriesConf?: string | undefined
}

export function registryFiles(setup: FilesSetup): RegistryFiles {
  const { home, uid, registriesConf } = setup
  const config = setup.configHome ?? join(home, '.config')
  const cache = uid === 0 ? '/var/cache' : setup.cacheHome || join(home, '.cache')
  const user = join(config, 'containers')
  const own = { registriesConf: join(user, 'registries.conf'), dropIns: join(user, 'registries.conf.d') }
  return {
    registriesConf: registriesConf ? [registriesConf]
      : [own.registriesConf, '/etc/containers/registries.conf', '/usr/share/containers/registries.conf'],
    registriesConfRequired: Boolean(registriesConf),
    dropIns: ['/usr/share/containers/registries.conf.d', '/etc/containers/registries.conf.d', own.dropIns],
    user: own,
    aliasCache: join(cache, 'containers', 'short-name-aliases.conf'),
    authFiles: authFiles(setup, user),
    policies: [join(user, 'policy.json'), '/etc/containers/policy.json'],
    certDirs: [join(user, 'certs.d'), '/etc/containers/certs.d', '/etc/docker/certs.d'],
    hostsDirs: [...(uid === 0 ? [] : [join(config, 'containerd', 'certs.d')]), '/etc/containerd/certs.d'],
  }
}

function authFiles({ home, uid, runtimeDir, authFile, dockerConfigDir }: FilesSetup, user: string): AuthFile[] {
  if (authFile) return [{ path: authFile, required: true }]
  const optional = (path: string): AuthFile => ({ path, required: false })
  return [
    optional(join(runtimeDir || join('/run/containers', String(uid)), runtimeDir ? 'containers' : '', 'auth.json')),
    optional(join(user, 'auth.json')),
    optional(join(dockerConfigDir || join(home, '.docker'), 'config.json')),
    { path: join(home, '.dockercfg'), required: false, legacy: true },
  ]
}
