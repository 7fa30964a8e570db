import { Failure } from '../../errors.ts'
import { isCrictl, type CriCall } from './command.ts'

type Kind = 'pod' | 'container'
const KIND_OF: Readonly<Record<string, Kind>> = {
  '-p': 'pod', '--pod': 'pod', '--pod-config': 'pod', '-c': 'container', '--container': 'container', '--container-config': 'container',
}

/** `run jsonschema -p`, as crictl has it; an image of that name is something else. */
export const asksForSchema = (call: Pick<CriCall, 'globals'>, [first, ...rest]: readonly string[]): boolean =>
  (first === 'jsonschema' || first === 'js') && (isCrictl(call) || (rest.length > 0 && rest.every((word) => word in KIND_OF)))

/** The JSON Schemas of the files of a pod and of a container, as chosen by flags. @throws Failure invalid */
export function chosenSchemas([, ...flags]: readonly string[]): Promise<string> {
  if (flags.length === 0 || flags.some((flag) => !(flag in KIND_OF))) throw new Failure('invalid', 'jsonschema needs one of --pod and --container')
  return schemaText(['pod', 'container'].filter((kind) => flags.some((flag) => KIND_OF[flag] === kind)) as Kind[])
}

export async function schemaText(kinds: readonly Kind[]): Promise<string> {
  const { default: schema } = await import('../../cri/wire/config-schema.json', { with: { type: 'json' } })
  return kinds.map((kind) => JSON.stringify(schema[kind], null, 2)).join('\n')
}
