// Configuration files of pods and containers, JSON or YAML, in crictl's spelling (`log_directory`, enums as numbers)
// or in protobuf's (`logDirectory`, enums by name).
import { readFileSync } from 'node:fs'
import { randomUUID } from 'node:crypto'
import { Failure } from '../../errors.ts'
import { ContainerConfig, ContainerState, PodSandboxConfig, PodSandboxState } from '../wire/generated/runtime-v1.ts'
import { checkMessage, type FileKind } from './check-message.ts'
import { ENUM_FIELDS, MAP_FIELDS } from './protojson.ts'

const MAX_BYTES = 4 * 1024 * 1024

/** @throws Failure notFound, invalid */
export async function readPodConfig(file: string): Promise<PodSandboxConfig> {
  const config = fromPlain(PodSandboxConfig, await readMessage(file, 'pod'), file)
  if (!config.metadata) throw new Failure('invalid', `${file}: metadata is not set`, { hint: 'a pod needs metadata with name, namespace and uid' })
  if (config.metadata.name === '' || config.metadata.namespace === '') throw new Failure('invalid', `${file}: metadata needs a name and a namespace`)
  return { ...config, metadata: { ...config.metadata, uid: config.metadata.uid || randomUUID() } }
}

/** @throws Failure notFound, invalid */
export async function readContainerConfig(file: string): Promise<ContainerConfig> {
  const config = fromPlain(ContainerConfig, await readMessage(file, 'container'), file)
  if (!config.metadata?.name) throw new Failure('invalid', `${file}: metadata needs a name`)
  if (!config.image?.image) throw new Failure('invalid', `${file}: image.image is not set`)
  return { ...config, image: { ...config.image, userSpecifiedImage: config.image.userSpecifiedImage || config.image.image } }
}

async function readMessage(file: string, kind: FileKind): Promise<unknown> {
  const bytes = readBounded(file)
  const { parseYaml } = await import('../../yaml.ts')
  const value = parseYaml(bytes.toString('utf8'), file)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Failure('invalid', `${file} does not hold an object`)
  await checkMessage(kind, value, { canonical: camel, complain: complainOf(file) })
  return value
}

function readBounded(file: string): Buffer {
  try {
    const bytes = readFileSync(file === '-' ? 0 : file)
    if (bytes.length > MAX_BYTES) throw new Failure('invalid', `${file} is too large for a configuration: ${bytes.length} bytes`)
    return bytes
  } catch (error) {
    if (error instanceof Failure) throw error
    const { code } = error as NodeJS.ErrnoException
    throw new Failure(code === 'ENOENT' ? 'notFound' : 'denied', `cannot read ${file}: ${code === 'ENOENT' ? 'it does not exist' : code}`, { cause: error })
  }
}

interface Message<T> { fromPartial(object: object): T }

/** @throws Failure invalid: an unknown field, a wrong type */
export function fromPlain<T>(message: Message<T>, plain: unknown, file: string): T {
  try {
    return message.fromPartial(normalise(plain, '', complainOf(file)) as object)
  } catch (error) {
    if (error instanceof Failure) throw error
    throw new Failure('invalid', `${file}: ${(error as Error).message}`, { cause: error })
  }
}

type Complain = (problem: string, path: string) => never

const complainOf = (file: string): Complain => (problem, path) => { throw new Failure('invalid', `${file}: ${path.slice(1)}: ${problem}`) }

/** Names with capitals in their middle, which no rule gives. */
const SPECIAL: Readonly<Record<string, string>> = { CDI_devices: 'CDIDevices', cdi_devices: 'CDIDevices', cdiDevices: 'CDIDevices' }
const camel = (name: string): string => SPECIAL[name] ?? name.replace(/_([a-z\d])/g, (_, letter: string) => letter.toUpperCase())

function normalise(value: unknown, path: string, complain: Complain): unknown {
  if (Array.isArray(value)) return value.map((item, at) => normalise(item, `${path}[${at}]`, complain))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== null).map(([key, inner]) => {
    const name = camel(key)
    const here = `${path}.${key}`
    if (MAP_FIELDS.has(name)) return [name, texts(inner, here, complain)]
    if (typeof inner === 'string' && (name in ENUM_FIELDS || name === 'state')) return [name, enumNumber(name, inner, { here, complain })]
    return [name, normalise(inner, here, complain)]
  }))
}

function texts(value: unknown, path: string, complain: Complain): Record<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return complain('expected names and texts', path)
  return Object.fromEntries(Object.entries(value).map(([key, text]) => {
    if (typeof text === 'object' && text !== null) complain('expected a text', `${path}.${key}`)
    return [key, String(text ?? '')]
  }))
}

function enumNumber(field: string, text: string, { here, complain }: { here: string; complain: Complain }): number {
  const names: Readonly<Record<string, number>> = field === 'state' ? { ...ContainerState, ...PodSandboxState } : ENUM_FIELDS[field]!
  if (/^\d+$/.test(text)) return Number(text)
  const known = Object.keys(names).find((name) => name.toLowerCase() === text.toLowerCase() && name !== 'UNRECOGNIZED')
  return known === undefined ? complain(`"${text}" is none of ${Object.keys(names).filter((name) => name !== 'UNRECOGNIZED').slice(0, 8).join(', ')}`, here) : names[known]!
}
