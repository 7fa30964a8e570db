// What can be asked of the whole. Each command has the engine's way of it, commands/remote that over the CRI.
import type { events } from '../../engine/follow-events.ts'

export type Event = ReturnType<typeof events> extends AsyncGenerator<infer E> ? E : never

export type Inspectable = 'container' | 'image' | 'volume' | 'network' | 'pod'

/** What `inspect` shows of a thing. @throws Failure notFound */
export type Inspect = (name: string, how: { readonly size: boolean }) => Promise<unknown>

export interface SystemActs {
  events(range: { readonly sinceMs?: number; readonly untilMs?: number; readonly follow: boolean; readonly signal: AbortSignal }): AsyncGenerator<Event>
  /** What `info` shows, as a template sees it. */
  info(): Promise<unknown>
  /** In the order in which a name is looked for. */
  readonly inspect: ReadonlyMap<Inspectable, Inspect>
}
