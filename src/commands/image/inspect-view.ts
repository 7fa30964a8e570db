// An image as `inspect` prints it, in podman's shape.
import { GoTime, NIL_MAP, NIL_SLICE, goMap, mapOrNil, struct } from '../../cli/template/values.ts'
import { history, labelsOf, repoDigests, settings, type Image } from './images-view.ts'

interface ConfigFile {
  readonly architecture?: string; readonly os?: string; readonly author?: string; readonly docker_version?: string
  readonly history?: readonly { readonly created?: string; readonly created_by?: string; readonly author?: string; readonly comment?: string; readonly empty_layer?: boolean }[]
}

const time = (text: string | undefined): GoTime => new GoTime(text ?? '1970-01-01T00:00:00Z')

/** `driver`: what keeps its layers, and where, as far as that is known. */
export function inspectedImage(image: Image, driver: { readonly name: string; readonly data: unknown }) {
  const config = (image.config ?? {}) as ConfigFile
  return struct('inspect.ImageData', {
    ID: image.id, Digest: image.digest, RepoTags: image.names, RepoDigests: repoDigests(image), Parent: '', Comment: config.history?.at(-1)?.comment ?? '', Created: time(image.createdAt),
    Config: runSettings(image), Version: config.docker_version ?? '', Author: config.author ?? '', Architecture: config.architecture ?? '', Os: config.os ?? '', Size: image.sizeBytes,
    VirtualSize: image.sizeBytes, GraphDriver: struct('define.DriverData', { Name: driver.name, Data: driver.data }),
    RootFS: struct('inspect.RootFS', { Type: 'layers', Layers: image.diffIds }), Labels: mapOrNil(Object.entries(labelsOf(image))), Annotations: goMap(image.annotations ?? {}),
    ManifestType: image.manifestMediaType, User: settings(image)['User'] ?? '',
    History: (config.history ?? []).map((step) => struct('v1.History', {
      Created: time(step.created), ...named('CreatedBy', step.created_by), ...named('Author', step.author), ...named('Comment', step.comment), ...(step.empty_layer ? { EmptyLayer: true } : {}),
    }, { Created: 'created', CreatedBy: 'created_by', Author: 'author', Comment: 'comment', EmptyLayer: 'empty_layer' })),
    NamesHistory: history(image),
  }, { ID: 'Id' })
}

const named = (key: string, value: string | undefined): Record<string, string> => (value === undefined || value === '' ? {} : { [key]: value })

function runSettings(image: Image) {
  const given = settings(image)
  const fields: Record<string, unknown> = {}
  for (const key of ['User', 'Env', 'Entrypoint', 'Cmd', 'WorkingDir', 'StopSignal']) if (given[key] !== undefined && given[key] !== '') fields[key] = given[key]
  for (const key of ['ExposedPorts', 'Volumes', 'Labels']) if (given[key] !== undefined) fields[key] = goMap(given[key])
  const empty = { User: '', ExposedPorts: NIL_MAP, Env: NIL_SLICE, Entrypoint: NIL_SLICE, Cmd: NIL_SLICE, Volumes: NIL_MAP, WorkingDir: '', Labels: NIL_MAP, StopSignal: '' }
  const absent = Object.keys(empty).filter((key) => !(key in fields))
  return struct('v1.ImageConfig', { ...empty, ...fields }, Object.fromEntries(absent.map((key) => [key, '-'])))
}
