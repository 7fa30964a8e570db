// docs/cri-schema.json: what the CRI commands print with --output json, as JSON Schema, made from the description of
// the interface itself. Every field is there and no other: what the schema lets through can be relied on.

type Schema = Readonly<Record<string, unknown>>

interface Field { readonly name: string; readonly written: string; readonly type: string; readonly isList: boolean; readonly isMap: boolean }

const FIELD = /^\s*(repeated\s+)?(map<\s*\w+\s*,\s*(\w+)\s*>|[\w.]+)\s+(\w+)\s*=\s*\d+/
const VALUE = /^\s*(\w+)\s*=\s*(-?\d+)\s*;/
const WHOLE = /^-?[0-9]+$/.source
const TIME = '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$'

const SCALARS: Readonly<Record<string, Schema>> = {
  string: { type: 'string' }, bool: { type: 'boolean' }, bytes: { type: 'string', contentEncoding: 'base64' }, double: { type: 'number' }, float: { type: 'number' },
  int32: { type: 'integer' }, uint32: { type: 'integer', minimum: 0 }, int64: { type: 'string', pattern: WHOLE }, uint64: { type: 'string', pattern: '^[0-9]+$' },
}

interface Described { readonly messages: Map<string, Field[]>; readonly enums: Map<string, string[]> }

/** Messages and enums by name; those inside a message are `Outer.Inner`. */
function describe(proto: string): Described {
  const messages = new Map<string, Field[]>()
  const enums = new Map<string, string[]>()
  const open: string[] = []
  for (const line of proto.split('\n').map((text) => text.replace(/\/\/.*$/, ''))) {
    const begin = /^\s*(message|enum|service)\s+(\w+)\s*\{(\s*\})?/.exec(line)
    if (begin) {
      const name = [...open.filter((outer) => messages.has(outer)).slice(-1), begin[2]!].join('.')
      if (begin[1] === 'message') messages.set(name, [])
      if (begin[1] === 'enum') enums.set(name, [])
      if (begin[3] === undefined) open.push(name)
      continue
    }
    const [inside] = open.slice(-1)
    const value = enums.has(inside ?? '') ? VALUE.exec(line) : null
    const field = messages.has(inside ?? '') ? FIELD.exec(line) : null
    if (value) enums.get(inside!)!.push(value[1]!)
    else if (field) messages.get(inside!)!.push({ name: jsonName(field[4]!), written: field[4]!, type: field[3] ?? field[2]!, isList: field[1] !== undefined, isMap: field[3] !== undefined })
    if (/^\s*\}/.test(line)) open.pop()
  }
  return { messages, enums }
}

const jsonName = (name: string): string => name.replace(/_([a-zA-Z0-9])/g, (_, letter: string) => letter.toUpperCase())

function messageSchemas({ messages, enums }: Described): Record<string, Schema> {
  const schemaOf = (type: string, owner: string): Schema => {
    const name = [`${owner}.${type}`, type].find((one) => messages.has(one) || enums.has(one))
    if (name === undefined) return SCALARS[type]!
    return enums.has(name) ? { enum: enums.get(name)! } : { $ref: `#/$defs/${name}` }
  }
  return Object.fromEntries([...messages].map(([owner, fields]) => [owner, object(Object.fromEntries(fields.map(({ name, type, isList, isMap }) => {
    const schema = schemaOf(type, owner)
    return [name, isMap ? { type: 'object', additionalProperties: schema } : isList ? { type: 'array', items: schema } : schema]
  })), fields.filter(({ type, isList, isMap }) => isList || isMap || !isMessage({ messages, enums }, type, owner)).map(({ name }) => name))]))
}

/** Messages that are not set are left out; all else is written out, defaults too. */
const isMessage = ({ messages }: Described, type: string, owner: string): boolean => messages.has(`${owner}.${type}`) || messages.has(type)

const object = (properties: Readonly<Record<string, Schema>>, required: readonly string[] = Object.keys(properties)): Schema => ({ type: 'object', properties, required, additionalProperties: false })
const ref = (name: string): Schema => ({ $ref: `#/$defs/${name}` })
const list = (items: Schema): Schema => ({ type: 'array', items })
const text: Schema = { type: 'string' }

/** Times of what is inspected are text for people, and what is not set may be null; the runtime's own information stands beside the status. */
function inspected(schemas: Record<string, Schema>, message: string, { times = [], nullable = [] }: { readonly times?: readonly string[]; readonly nullable?: readonly string[] } = {}): Schema {
  const status = schemas[message] as { readonly properties: Record<string, Schema> }
  const properties = {
    ...status.properties, ...Object.fromEntries(times.map((name) => [name, { type: 'string', pattern: TIME }])),
    ...Object.fromEntries(nullable.map((name) => [name, { anyOf: [status.properties[name]!, { type: 'null' }] }])),
  }
  const one: Schema = { type: 'object', properties: { status: { ...status, properties } }, required: ['status'] }
  return { anyOf: [one, list(one)] }
}

/** The text of docs/cri-schema.json. */
export function criSchema(proto: string): string {
  const schemas = messageSchemas(describe(proto))
  const outputs: Readonly<Record<string, Schema>> = {
    ps: object({ containers: list(ref('Container')) }),
    pods: object({ items: list(ref('PodSandbox')) }),
    images: object({ images: list(ref('Image')) }),
    inspect: inspected(schemas, 'ContainerStatus', { times: ['createdAt', 'startedAt', 'finishedAt'], nullable: ['metadata', 'image', 'resources', 'user'] }),
    inspectp: inspected(schemas, 'PodSandboxStatus', { times: ['createdAt'] }),
    inspecti: inspected(schemas, 'Image'),
    imagefsinfo: object({ status: ref('ImageFsInfoResponse') }),
    info: {
      type: 'object', required: ['status'], properties: {
        status: ref('RuntimeStatus'),
        runtimeHandlers: list(object({ name: text, features: { type: 'object', additionalProperties: { const: true } } }, [])),
        features: { type: 'object', additionalProperties: { const: true } },
      },
    },
    stats: object({ stats: list(ref('ContainerStats')) }),
    statsp: object({ stats: list(ref('PodSandboxStats')) }),
    metricsp: ref('ListPodSandboxMetricsResponse'),
    metricdescs: ref('ListMetricDescriptorsResponse'),
    events: ref('ContainerEventResponse'),
    why: object({ findings: list(object({ title: text, lines: list(text) })), advice: list(text) }),
    'run --dry-run': list(object({ rpc: text, request: { type: 'object' } })),
    'trace --record': {
      ...object({
        time: { type: 'string', pattern: TIME }, rpc: text, version: { enum: ['v1', 'v1alpha2', 'other'] }, durationMs: { type: 'number', minimum: 0 }, code: { type: 'integer' }, error: text,
        request: { type: 'object' }, response: { type: 'object' }, responses: { type: 'integer', minimum: 0 },
      }, ['time', 'rpc', 'version', 'durationMs', 'code', 'responses']),
      description: 'One line of a recording.',
    },
  }
  const document = {
    $schema: 'https://json-schema.org/draft/2020-12/schema', title: 'What scow cri prints with --output json', version: 1,
    description: 'One schema for each command, below $defs as "output of COMMAND". Made by `node src/commands/generate.ts` from proto/runtime-v1.proto. Fields are added with newer versions of the CRI; none changes its meaning.',
    $defs: { ...Object.fromEntries(Object.entries(outputs).map(([name, schema]) => [`output of ${name}`, schema])), ...reachable(schemas, outputs) },
  }
  return `${JSON.stringify(document, null, 1)}\n`
}

const FORGIVING: Readonly<Record<string, Schema>> = { ...SCALARS, int64: { type: ['integer', 'string'], pattern: WHOLE }, uint64: { type: ['integer', 'string'], pattern: '^[0-9]+$' } }

/** The text of src/cri/wire/config-schema.json: what the files of pods and containers hold, by the names that crictl documents. */
export function configSchema(proto: string): string {
  const { messages, enums } = describe(proto)
  const schemaOf = (type: string, owner: string): Schema => {
    const name = [`${owner}.${type}`, type].find((one) => messages.has(one) || enums.has(one))
    if (name === undefined) return FORGIVING[type]!
    return enums.has(name) ? { anyOf: [{ enum: enums.get(name)! }, { type: 'integer' }] } : ref(name)
  }
  const schemas = Object.fromEntries([...messages].map(([owner, fields]) => [owner, object(Object.fromEntries(fields.map(({ written, type, isList, isMap }) => {
    const schema = schemaOf(type, owner)
    return [written, isMap ? { type: 'object', additionalProperties: schema } : isList ? list(schema) : schema]
  })), [])]))
  const document = (name: string, kind: string): Schema => ({ $schema: 'https://json-schema.org/draft/2020-12/schema', $id: `https://k8s.io/cri-api/pkg/apis/runtime/v1/${kind}-config`, ...ref(name), $defs: { [name]: schemas[name]!, ...reachable(schemas, schemas[name]!) } })
  return `${JSON.stringify({ pod: document('PodSandboxConfig', 'pod-sandbox'), container: document('ContainerConfig', 'container') })}\n`
}

/** Only what some output needs. */
function reachable(schemas: Readonly<Record<string, Schema>>, from: Schema): Record<string, Schema> {
  const found = new Set<string>()
  const visit = (schema: unknown): void => {
    for (const [, name] of JSON.stringify(schema).matchAll(/"#\/\$defs\/([\w.]+)"/g)) {
      if (found.has(name!)) continue
      found.add(name!)
      visit(schemas[name!])
    }
  }
  visit(from)
  return Object.fromEntries([...found].sort().map((name) => [name, schemas[name]!]))
}
