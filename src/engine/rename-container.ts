import { Failure } from '../errors.ts'
import { NAME_PATTERN } from './create-container.ts'
import type { Engine } from './engine.ts'

/** @throws invalid, exists, notFound, wrongState: one of a pod is known by its name */
export async function renameContainer({ state }: Pick<Engine, 'state'>, id: string, name: string): Promise<void> {
  if (!NAME_PATTERN.test(name)) throw new Failure('invalid', `invalid container name "${name}"`, { hint: 'use letters, digits, "_", "." and "-", and begin with a letter or digit' })
  const container = await state.containers.find(id)
  if (container.podId !== undefined) throw new Failure('wrongState', `container ${container.name} belongs to the kubelet`, { hint: 'its name tells which of what pod it is' })
  if (container.name === name) throw new Failure('exists', `container ${container.id.slice(0, 12)} has the name "${name}" already`)
  await state.containers.rename({ id: container.id, name })
}
