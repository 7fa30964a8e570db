import { Failure } from '../../errors.ts'

const POD: readonly string[] = ['-p', '--pod-config', '--pod']
const CONTAINER: readonly string[] = ['-c', '--container-config', '--container']

/** `run jsonschema -p`, as crictl has it; an image of that name is something else. */
export const asksForSchema = ([first, ...rest]: readonly string[], isCrictl: boolean): boolean =>
  first === 'jsonschema' && (isCrictl || (rest.length > 0 && rest.every((word) => POD.includes(word) || CONTAINER.includes(word))))

/** The JSON Schema of the file of a pod or of a container. @throws Failure invalid */
export async function configSchemaText([, ...flags]: readonly string[]): Promise<string> {
  const { default: schema } = await import('../../cri/wire/config-schema.json', { with: { type: 'json' } })
  const chosen = flags.map((flag) => (POD.includes(flag) ? schema.pod : CONTAINER.includes(flag) ? schema.container : undefined))
  if (chosen.length !== 1 || chosen[0] === undefined) throw new Failure('invalid', 'jsonschema needs one of --pod-config and --container-config')
  return JSON.stringify(chosen[0], null, 2)
}
