import { log } from '../log.ts'

export type Undo = (what: string, step: () => Promise<unknown>) => void

/** Runs `work`; if it throws, undoes the steps it recorded, newest first, and rethrows the first error. */
export async function withUndo<T>(work: (undo: Undo) => Promise<T>): Promise<T> {
  const steps: { what: string; step: () => Promise<unknown> }[] = []
  try {
    return await work((what, step) => { steps.unshift({ what, step }) })
  } catch (error) {
    for (const { what, step } of steps) await step().catch((failure: unknown) => log.warn(`could not ${what}: ${failure instanceof Error ? failure.message : failure}`))
    throw error
  }
}
