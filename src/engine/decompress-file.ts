// Compressions that archives of images have and registries don't: by the programs of the host.
import { closeSync, fstatSync, openSync } from 'node:fs'
import { Failure } from '../errors.ts'
import { drain, startChild } from '../process/child.ts'
import { findProgram } from '../process/find-program.ts'
import type { ForeignCompression } from '../storage/decompress.ts'
import { pipe } from '../sys/addon.ts'

interface Program { readonly args: readonly string[]; readonly package: string }

/** An archive may want more memory than a machine has. */
const PROGRAMS: Readonly<Record<ForeignCompression, Program>> = {
  xz: { args: ['--decompress', '--stdout', '--memlimit-decompress=1GiB'], package: 'xz-utils' },
  bzip2: { args: ['--decompress', '--stdout'], package: 'bzip2' },
}
const LOOK_MS = 5000
/** Without a byte of output. */
const STALL_MS = 120_000
const MAX_SAID = 4096

/**
 * Writes what the file `input` holds, from its start and decompressed, into `output`.
 * @throws unsupported: the program is missing; invalid: it is broken; noSpace; timeout; cancelled
 */
export async function decompressFile(compression: ForeignCompression, { input, output, signal }: { readonly input: number; readonly output: number; readonly signal?: AbortSignal | undefined }): Promise<void> {
  const program = findProgram(compression)
  if (program === undefined) throw new Failure('unsupported', `it is compressed with ${compression}, and the program ${compression} is not installed`, { hint: `install ${PROGRAMS[compression].package}` })
  signal?.throwIfAborted()
  // Anew: a descriptor that was written to stands at its end, and a copy of it would too.
  const from = openSync(`/proc/self/fd/${input}`, 'r')
  const errors = pipe('read')
  const child = (() => {
    try {
      return startChild(program, PROGRAMS[compression].args, { fds: [from, output, errors.write] })
    } catch (error) {
      closeSync(errors.read)
      throw error
    } finally {
      closeSync(from)
      closeSync(errors.write)
    }
  })()
  let said = ''
  const listening = drain(errors.read, (chunk) => { said = `${said}${chunk.toString()}`.slice(0, MAX_SAID) })
  let reason: Failure | undefined
  const stop = (why: Failure): void => {
    reason ??= why
    child.killGroup()
  }
  const onAbort = (): void => stop(new Failure('cancelled', `${compression} was cancelled`, { cause: signal!.reason }))
  signal?.addEventListener('abort', onAbort, { once: true })
  const watching = watchGrowth(output, () => stop(new Failure('timeout', `${compression} wrote nothing for ${STALL_MS / 1000} s`)))
  const { code } = await child.exited
  clearInterval(watching)
  signal?.removeEventListener('abort', onAbort)
  await listening.done
  if (reason) throw reason
  if (code === 0) return
  if (/No space left|Disk quota/.test(said)) throw new Failure('noSpace', 'the archive is larger than the space that is left', { hint: 'free some space, for example with scow image prune' })
  throw new Failure('invalid', `broken ${compression}: ${said.trim().split('\n')[0] || `it ended with ${code ?? 'a signal'}`}`)
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
