// The CRI commands' own `defineCommand`: their exit codes, and the runtime they talk to.
import type { CommandSpec, Invocation, Options } from '../../cli/command.ts'
import type { Connection } from '../../cri/client/connection.ts'
import type { Endpoint } from '../../cri/client/endpoint.ts'
import type { CriSettings } from '../../cri/client/settings.ts'
import type { Engine } from '../../engine/engine.ts'
import { exitCodeOf, Failure, type ErrorKind } from '../../errors.ts'
import { defineCommand } from '../command.ts'

/** 1: failed; 2: there is no such thing; 3: no runtime could be reached; 124: it did not answer in time. */
export const EXIT_CODES: Partial<Record<ErrorKind, number>> = {
  invalid: 1, notFound: 2, exists: 1, denied: 1, wrongState: 1, inUse: 1, timeout: 124, unavailable: 3, unsupported: 1, cannotInvoke: 1, commandNotFound: 1,
}

export const defineCri = <O extends Options>(spec: CommandSpec<O, Engine>): CommandSpec<O, Engine> => defineCommand({ exitCodes: EXIT_CODES, ...spec })

/** 0, or the code of the last error. */
export const codeOf = (errors: readonly unknown[]): number => (errors.length === 0 ? 0 : exitCodeOf(errors.at(-1), EXIT_CODES))

export interface Cri {
  readonly runtime: Connection
  readonly settings: CriSettings
  /** The service of images, which may be another runtime's. */
  readonly images: () => Promise<Connection>
  /** To the runtime once more, for what must be ended or undone after an interrupt too. */
  readonly afterwards: () => Promise<Connection>
}

export type CriCall = Pick<Invocation, 'globals' | 'interrupt' | 'out'>

/** Settings of flags, environment and file; nothing is asked yet. */
export async function settingsOf({ globals }: Pick<CriCall, 'globals'>): Promise<CriSettings> {
  const { readSettings } = await import('../../cri/client/settings.ts')
  return readSettings(criFlags(globals))
}

export const criFlags = (globals: ReadonlyMap<string, string>): Record<string, string | undefined> => ({
  config: globals.get('--config'), runtimeEndpoint: globals.get('--runtime-endpoint'), imageEndpoint: globals.get('--image-endpoint'),
  timeout: globals.get('--timeout'), debug: globals.get('--debug'),
})

const loadClient = () => Promise.all([import('../../cri/client/connection.ts'), import('../../cri/client/endpoint.ts')])

interface Opening { readonly signal?: AbortSignal; readonly namedBy?: Endpoint['namedBy'] }

async function opener(call: CriCall): Promise<{ readonly settings: CriSettings; readonly open: (address: string, how?: Opening) => Promise<Connection> }> {
  const [[{ openConnection }, { findEndpoint, parseEndpoint }], settings] = await Promise.all([loadClient(), settingsOf(call)])
  return { settings, open: async (address, { signal = call.interrupt.signal, namedBy } = {}) => openConnection({
    endpoint: address === '' ? await findEndpoint() : parseEndpoint(address, namedBy), timeoutMs: settings.timeoutMs, signal,
    trace: settings.debug ? (line) => call.out.note(`debug: ${line}`) : undefined,
  }) }
}

/** The service of images alone: the runtime's own may be out of order. @throws Failure unavailable, denied */
export async function openImages(call: CriCall): Promise<Connection> {
  const { settings, open } = await opener(call)
  return settings.imageEndpoint ? open(settings.imageEndpoint, { namedBy: 'images' }) : open(settings.runtimeEndpoint)
}

/** @throws Failure unavailable, denied */
export async function openCri(call: CriCall): Promise<Cri> {
  const [{ settings, open }, { lastWords }] = await Promise.all([opener(call), import('../../cri/client/connection.ts')])
  const runtime = await open(settings.runtimeEndpoint)
  let images: Promise<Connection> | undefined
  const isSame = settings.imageEndpoint === '' || settings.imageEndpoint === settings.runtimeEndpoint
  const afterwards = (): Promise<Connection> => open(settings.runtimeEndpoint, { signal: lastWords(call.interrupt.signal) })
  return { runtime, settings, afterwards, images: () => (images ??= isSame ? Promise.resolve(runtime) : open(settings.imageEndpoint, { namedBy: 'images' })) }
}

/** Of what removes and stops pods: crictl does nothing without words, on which `crictl rmp $(crictl pods -q)` relies. @throws Failure invalid */
export function nothingNamed(call: CriCall, what: string): number {
  if (!isCrictl(call)) throw new Failure('invalid', `no ${what} named`, { hint: 'give its id, or --all where there is such a flag' })
  call.out.note(`No ${what} named: nothing is done`)
  return 0
}

/** What an error of too few words advises. */
export const seeHelp = (call: Pick<CriCall, 'globals'>, command: string): string => `see '${isCrictl(call) ? 'crictl' : 'scow cri'} ${command} --help'`

/** Whether the program was started as crictl: only its own grammar holds then. */
export const isCrictl = ({ globals }: Pick<CriCall, 'globals'>): boolean => globals.get('--called') === 'crictl'
