// The environment of the process: its only reader.
import { homedir } from 'node:os'
import type { Pairs } from './spec/request.ts'

/** What scow reads of the process environment; nothing else of the program looks at it. */
export interface Environment {
  readonly all: Readonly<Record<string, string | undefined>>
  readonly home: string
  readonly path: readonly string[]
  readonly root: string | undefined
  readonly runRoot: string | undefined
  readonly xdgConfigHome: string
  readonly xdgDataHome: string
  readonly xdgCacheHome: string
  readonly xdgRuntimeDir: string | undefined
  readonly tmpDir: string
  readonly noColor: boolean
  readonly term: string | undefined
  readonly dbusSystemBusAddress: string | undefined
  readonly dbusSessionBusAddress: string | undefined
  readonly notifySocket: string | undefined
  /** http_proxy and its kin, both spellings, as they are set. */
  readonly proxies: Pairs
  readonly sslCertFile: string | undefined
  readonly sslCertDirs: readonly string[]
  readonly registryAuthFile: string | undefined
  readonly dockerConfigDir: string | undefined
  readonly registriesConf: string | undefined
  readonly containerHost: string | undefined
  /** $CONTAINERS_CONF, $CONTAINERS_CONF_OVERRIDE, $CONTAINERS_STORAGE_CONF. */
  readonly containersConf: string | undefined
  readonly containersConfOverride: string | undefined
  readonly storageConf: string | undefined
  readonly storageDriver: string | undefined
  readonly storageOpts: readonly string[]
  readonly cniPath: readonly string[]
  readonly uid: number
  readonly rootless: boolean
}

const PROXY_NAMES = ['http_proxy', 'https_proxy', 'ftp_proxy', 'no_proxy', 'all_proxy']

/** `environment()` of a given process environment; empty variables count as unset. */
export function readEnvironment(env: Readonly<Record<string, string | undefined>>, uid = process.getuid?.() ?? 0): Environment {
  const get = (name: string): string | undefined => env[name] || undefined
  const paths = (name: string): string[] => (env[name] ?? '').split(':').filter(Boolean)
  const home = get('HOME') ?? homedir()
  return Object.freeze({
    // Copied when asked for: process.env is slow to enumerate.
    get all() { return { ...env } },
    home,
    path: paths('PATH'),
    root: get('SCOW_ROOT'),
    runRoot: get('SCOW_RUNROOT'),
    xdgConfigHome: get('XDG_CONFIG_HOME') ?? `${home}/.config`,
    xdgDataHome: get('XDG_DATA_HOME') ?? `${home}/.local/share`,
    xdgCacheHome: get('XDG_CACHE_HOME') ?? `${home}/.cache`,
    xdgRuntimeDir: get('XDG_RUNTIME_DIR'),
    tmpDir: get('TMPDIR') ?? '/tmp',
    noColor: get('NO_COLOR') !== undefined,
    term: get('TERM'),
    dbusSystemBusAddress: get('DBUS_SYSTEM_BUS_ADDRESS'),
    dbusSessionBusAddress: get('DBUS_SESSION_BUS_ADDRESS'),
    notifySocket: get('NOTIFY_SOCKET'),
    proxies: PROXY_NAMES.flatMap((name) => [name, name.toUpperCase()]).flatMap((name) => (env[name] ? [[name, env[name]] as const] : [])),
    sslCertFile: get('SSL_CERT_FILE'),
    sslCertDirs: paths('SSL_CERT_DIR'),
    registryAuthFile: get('REGISTRY_AUTH_FILE'),
    dockerConfigDir: get('DOCKER_CONFIG'),
    registriesConf: get('CONTAINERS_REGISTRIES_CONF') ?? get('REGISTRIES_CONFIG_PATH'),
    containerHost: get('CONTAINER_HOST'),
    containersConf: get('CONTAINERS_CONF'),
    containersConfOverride: get('CONTAINERS_CONF_OVERRIDE'),
    storageConf: get('CONTAINERS_STORAGE_CONF'),
    storageDriver: get('STORAGE_DRIVER'),
    storageOpts: (env['STORAGE_OPTS'] ?? '').split(',').filter(Boolean),
    cniPath: paths('CNI_PATH'),
    uid,
    rootless: uid !== 0,
  })
}

let own: Environment | undefined

/** The environment of this process, read once. */
export const environment = (): Environment => (own ??= readEnvironment(process.env))
