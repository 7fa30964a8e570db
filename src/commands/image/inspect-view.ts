// An image as `inspect` prints it, in podman's shape.
import { GoTime, NIL_MAP, NIL_SLICE, goMap, mapOrNil, struct } from '../../cli/template/values.ts'
import { history, labelsOf, repoDigests, settings, type Image } from './images-view.ts'

/** Times in nanoseconds. */
interface Healthcheck { readonly Test?: readonly string[]; readonly Interval?: number; readonly Timeout?: number; readonly StartPeriod?: number; readonly Retries?: number }

interface ConfigFile {
  readonly architecture?: string; readonly os?: string; readonly author?: string; readonly docker_version?: string
  /** Of docker's form only. */
  readonly comment?: string; readonly container_config?: { readonly Healthcheck?: Healthcheck } | null
  readonly history?: readonly { readonly created?: string; readonly created_by?: string; readonly author?: string; readonly comment?: string; readonly empty_layer?: boolean }[]
}

const time = (text: string | undefined): GoTime => new GoTime(text ?? '1970-01-01T00:00:00Z')

/** `driver`: what keeps its layers, and where, as far as that is known. */
export function inspectedImage(image: Image, driver: { readonly name: string; readonly data: unknown }) {
  const config = (image.config ?? {}) as ConfigFile
  const check: Healthcheck | undefined = isDocker(image) ? config.container_config?.Healthcheck ?? settings(image)['Healthcheck'] ?? undefined : undefined
  return struct('inspect.ImageData', {
    ID: image.id, Digest: image.digest, RepoTags: image.names, RepoDigests: repoDigests(image), Parent: '', Comment: (isDocker(image) ? config.comment : config.history?.[0]?.comment) ?? '', Created: time(image.createdAt),
    Config: runSettings(image), Version: config.docker_version ?? '', Author: config.author ?? '', Architecture: config.architecture ?? '', Os: config.os ?? '', Size: image.sizeBytes,
    VirtualSize: image.sizeBytes, GraphDriver: struct('define.DriverData', { Name: driver.name, Data: driver.data }),
    RootFS: struct('inspect.RootFS', { Type: 'layers', Layers: image.diffIds }), Labels: mapOrNil(Object.entries(labelsOf(image))), Annotations: goMap(image.annotations ?? {}),
    ManifestType: image.manifestMediaType, User: settings(image)['User'] ?? '',
    History: (config.history ?? []).map((step) => struct('v1.History', {
      Created: time(step.created), ...named('CreatedBy', step.created_by), ...named('Author', step.author), ...named('Comment', step.comment), ...(step.empty_layer ? { EmptyLayer: true } : {}),
    }, { Created: 'created', CreatedBy: 'created_by', Author: 'author', Comment: 'comment', EmptyLayer: 'empty_layer' })),
    NamesHistory: history(image), HealthCheck: check ? healthcheck(check) : null,
  }, { ID: 'Id', HealthCheck: check ? 'Healthcheck' : '-' })
}

/** The OCI has no health checks. */
const isDocker = ({ manifestMediaType }: Image): boolean => manifestMediaType === 'application/vnd.docker.distribution.manifest.v2+json'

function healthcheck({ Test = [], Interval = 0, Timeout = 0, StartPeriod = 0, Retries = 0 }: Healthcheck) {
  const fields = { Test, Interval, Timeout, StartPeriod, Retries }
  const empty = Object.entries(fields).filter(([, value]) => value === 0 || (Array.isArray(value) && value.length === 0))
  return struct('manifest.Schema2HealthConfig', fields, Object.fromEntries(empty.map(([key]) => [key, '-'])))
}

const named = (key: string, value: string | undefined): Record<string, string> => (value === undefined || value === '' ? {} : { [key]: value })

/** Left out by Go. */
const isEmpty = (value: unknown): boolean => value === undefined || value === null || value === '' || (typeof value === 'object' && Object.keys(value).length === 0)

function runSettings(image: Image) {
  const given = settings(image)
  const fields: Record<string, unknown> = {}
  for (const key of ['User', 'Env', 'Entrypoint', 'Cmd', 'WorkingDir', 'StopSignal']) if (!isEmpty(given[key])) fields[key] = given[key]
  for (const key of ['ExposedPorts', 'Volumes', 'Labels']) if (!isEmpty(given[key])) fields[key] = goMap(given[key])
  const empty = { User: '', ExposedPorts: NIL_MAP, Env: NIL_SLICE, Entrypoint: NIL_SLICE, Cmd: NIL_SLICE, Volumes: NIL_MAP, WorkingDir: '', Labels: NIL_MAP, StopSignal: '' }
  const absent = Object.keys(empty).filter((key) => !(key in fields))
  return struct('v1.ImageConfig', { ...empty, ...fields }, Object.fromEntries(absent.map((key) => [key, '-'])))
}
