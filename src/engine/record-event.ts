import type { NetworkView } from '../network/networks.ts'
import type { ContainerRow } from '../state/containers.ts'
import type { Engine } from './engine.ts'

/** An event of a container that changes nothing in its row, which may be gone by now. What has happened is not undone because nobody could note it. */
export async function recordEvent({ state }: Pick<Engine, 'state'>, { id, name, summary }: ContainerRow, { status, attributes = {} }: { status: string; attributes?: Readonly<Record<string, string>> }): Promise<void> {
  const event = { type: 'container', status, id, name, image: summary.imageName, attributes: { ...summary.labels, ...attributes }, timeMs: Date.now() } as const
  await state.events.add(event, { durable: false }).catch(() => undefined)
}

/** Networks are files, so that their events are rows of their own; as docker's and podman's they name the driver as type. */
export async function recordNetworkEvent({ state }: Pick<Engine, 'state'>, { id, name, driver }: NetworkView, status: 'create' | 'remove'): Promise<void> {
  const event = { type: 'network', status, id, name, image: '', attributes: { name, type: driver }, timeMs: Date.now() } as const
  await state.events.add(event, { durable: false }).catch(() => undefined)
}
