// Runs a program that reads one open file and writes another.
import { closeSync, fstatSync, openSync } from 'node:fs'
import { basename } from 'node:path'
import { Failure } from '../errors.ts'
import { pipe } from '../sys/addon.ts'
import { drain, startChild, type Child, type How } from './child.ts'

export interface FilterFile {
  readonly input: number
  readonly output: number
  readonly signal?: AbortSignal | undefined
}

const LOOK_MS = 5000
/** Without a byte of output. */
const STALL_MS = 120_000
const MAX_SAID = 4096

/**
 * `input` is read from its start. Both descriptors stay open. Resolves with how `program` ended and what it said on standard error first.
 * @throws Failure timeout: it wrote nothing for two minutes; cancelled; notFound, denied or unavailable: it cannot be started
 */
export async function filterFile(program: string, args: readonly string[], { input, output, signal }: FilterFile): Promise<How & { readonly said: string }> {
  const name = basename(program)
  signal?.throwIfAborted()
  // Anew: a descriptor that was written to stands at its end, and a copy of it would too.
  const from = openSync(`/proc/self/fd/${input}`, 'r')
  const errors = pipe('read')
  let child: Child
  try {
    child = startChild(program, args, { fds: [from, output, errors.write] })
  } catch (error) {
    closeSync(errors.read)
    throw error
  } finally {
    closeSync(from)
    closeSync(errors.write)
  }
  let said = ''
  const listening = drain(errors.read, (chunk) => { said = `${said}${chunk.toString()}`.slice(0, MAX_SAID) })
  let reason: Failure | undefined
  const stop = (why: Failure): void => {
    reason ??= why
    child.killGroup()
  }
  const onAbort = (): void => stop(new Failure('cancelled', `${name} was cancelled`, { cause: signal!.reason }))
  signal?.addEventListener('abort', onAbort, { once: true })
  const watching = watchGrowth(output, () => stop(new Failure('timeout', `${name} wrote nothing for ${STALL_MS / 1000} s`)))
  const how = await child.exited
  clearInterval(watching)
  signal?.removeEventListener('abort', onAbort)
  await listening.done
  if (reason) throw reason
  return { ...how, said }
}

function watchGrowth(fd: number, onStall: () => void): NodeJS.Timeout {
  let size = 0
  let stalledMs = 0
  return setInterval(() => {
    const now = fstatSync(fd).size
    stalledMs = now > size ? 0 : stalledMs + LOOK_MS
    size = now
    if (stalledMs >= STALL_MS) onStall()
  }, LOOK_MS)
}
