// Which containers a command means: arguments, --all, --latest, --filter, --cidfile.
import { readFileSync } from 'node:fs'
import type { Engine } from '../../engine/engine.ts'
import { recoverAll } from '../../engine/recover.ts'
import { Failure, isFailure, reasonOf, type ErrorKind } from '../../errors.ts'
import type { Output } from '../../cli/output.ts'
import { flag, list } from '../../cli/option.ts'
import { namesOf, type Row } from './row.ts'
import { engineContainers, type ContainerSource } from './source.ts'

export const selectOptions = {
  all: flag('-a, --all', 'Every container that it makes sense for'),
  latest: flag('-l, --latest', 'The last created container'),
  cidfile: list('--cidfile <file>', 'Read the id from a file', { complete: 'file' }),
  filter: list('-f, --filter <filter>', 'Those that match, as of ps', { complete: 'containerFilter' }),
}
export const SELECTING: readonly string[] = ['all', 'latest', 'cidfile', 'filter']

export interface Selection {
  readonly args: readonly string[]
  readonly all?: boolean
  readonly latest?: boolean
  readonly cidfile?: readonly string[]
  readonly filter?: readonly string[]
  /** With --all. */
  readonly eligible?: (row: Row) => boolean
  /** A missing one is no error. */
  readonly ignore?: boolean
  /** One that is named twice is chosen twice. */
  readonly repeats?: boolean
  /** The command changes nothing, and waits for nobody. */
  readonly reading?: boolean
}

export interface Chosen { readonly id: string; readonly name: string; /** As typed, for the answer. */ readonly typed: string; readonly podId?: string | undefined }

/** @throws wrongState: whoever made its pod would not know what became of it */
export function needOwn(source: Pick<ContainerSource, 'ownsAll'>, { name, podId }: Chosen, hint: string): void {
  if (podId !== undefined && !source.ownsAll) throw new Failure('wrongState', `container ${name} belongs to the kubelet`, { hint })
}

/** The act on each of the chosen. Of those that nobody named, one that has gone by itself meanwhile is no error; nor one that is no longer as it was, where `kinds` say so. */
export const unlessGone = <T extends Chosen>({ args, latest, cidfile = [] }: Selection, act: (one: T) => Promise<string | void>, kinds: readonly ErrorKind[] = ['notFound']) => async (one: T): Promise<string | void> => {
  try {
    return await act(one)
  } catch (error) {
    if (args.length > 0 || latest || cidfile.length > 0 || !kinds.some((kind) => isFailure(error, kind))) throw error
  }
}

/** Of this machine, for commands that change something. */
export const settledContainers = (engine: Engine): ContainerSource => ({ ...engineContainers(engine), settle: () => recoverAll(engine) })

/** Errors for single names are shown and returned; the rest goes on. @throws invalid */
export async function selectContainers(source: ContainerSource, selection: Selection, out: Output): Promise<{ chosen: Chosen[]; errors: unknown[] }> {
  const { args, all, latest, cidfile = [], filter = [], ignore, repeats, reading } = selection
  if (args.length > 0 && (all || latest)) throw new Failure('invalid', `--${all ? 'all' : 'latest'} and names exclude each other`)
  if (!reading) await source.settle?.() // so that names and states are true
  if (all || latest || filter.length > 0) return { chosen: await selectRows(source, selection), errors: [] }
  const names = [...args, ...cidfile.flatMap((file) => readCidfile(file, ignore ?? false))]
  const chosen: Chosen[] = []
  const errors: unknown[] = []
  for (const typed of names) {
    try {
      const { id, name, podId } = await source.find(typed)
      if (repeats || !chosen.some((other) => other.id === id)) chosen.push({ id, name, typed, podId })
    } catch (error) {
      if (!isFailure(error)) throw error
      if (ignore && error.kind === 'notFound') continue
      errors.push(error)
      out.error(error)
    }
  }
  return { chosen, errors }
}

async function selectRows(source: ContainerSource, { args, all, latest, filter = [], eligible = () => true }: Selection): Promise<Chosen[]> {
  const rows = await source.list()
  const own = rows.filter((row) => source.ownsAll || row.podId === undefined)
  if (latest) {
    const last = own.at(-1)
    if (!last) throw new Failure('notFound', 'there is no container yet')
    return [toChosen(last)]
  }
  const { containerFilter } = await import('./container-filters.ts')
  const matches = await containerFilter(source, rows, filter)
  const named = (row: Row): boolean => args.length === 0 || args.some((text) => namesOf(row).includes(text) || row.id.startsWith(text))
  return own.filter((row) => (all ? eligible(row) : true) && matches(row) && named(row)).map(toChosen)
}

const toChosen = ({ id, name }: Row): Chosen => ({ id, name, typed: id })

export function readCidfile(file: string, ignore: boolean): string[] {
  try {
    return [readFileSync(file, 'utf8').split('\n')[0]!.trim()].filter((id) => id !== '')
  } catch (error) {
    if (ignore) return []
    throw new Failure('invalid', `cannot read --cidfile ${file}: ${reasonOf(error)}`, { cause: error })
  }
}

/** The one container a command means. */
export async function selectOne(source: ContainerSource, { args, latest }: { args: readonly string[]; latest?: boolean }): Promise<{ id: string; name: string }> {
  if (!latest) return source.find(args[0]!)
  const [last] = await selectRows(source, { args: [], latest: true })
  return last!
}
