// The runtime behind --endpoint, as the other files of this folder use it.
import type { Invocation } from '../../cli/command.ts'
import type { Connection } from '../../cri/client/connection.ts'
import { isShown } from '../../log.ts'

export type Wire = typeof import('../../cri/wire/generated/runtime-v1.ts')

export interface Remote {
  readonly address: string
  /** The socket is one of this machine: so are the files and processes that the runtime tells of. */
  readonly isHere: boolean
  /** Its calls end with the user's interrupt. */
  readonly runtime: Connection
  /** Calls that must be made after an interrupt too. */
  readonly afterwards: () => Promise<Connection>
  readonly wire: Wire
  /** Runtime handler of new pods (--runtime); empty: the runtime's own choice. */
  readonly handler: string
  readonly signal: AbortSignal
  /** A line for the user, beside the output. */
  readonly note: (text: string) => void
}

/** @throws Failure invalid, unavailable, denied */
export async function openClient({ interrupt, out, globals }: Pick<Invocation, 'interrupt' | 'out' | 'globals'>, text: string): Promise<Remote> {
  const [{ lastWords, openConnection }, { parseEndpoint }, wire] = await Promise.all([
    import('../../cri/client/connection.ts'), import('../../cri/client/endpoint.ts'), import('../../cri/wire/generated/runtime-v1.ts'),
  ])
  const endpoint = parseEndpoint(text, 'remote')
  const trace = isShown('debug') ? (line: string) => out.note(`debug: ${line}`) : undefined
  const runtime = await openConnection({ endpoint, signal: interrupt.signal, trace })
  return {
    address: endpoint.address, isHere: endpoint.path !== undefined, runtime, wire, handler: globals.get('--runtime') ?? '', signal: interrupt.signal, note: out.note,
    afterwards: () => openConnection({ endpoint, signal: lastWords(interrupt.signal), trace }),
  }
}
