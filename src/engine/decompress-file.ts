// Compressions that archives of images have and registries don't: by the programs of the host.
import { Failure } from '../errors.ts'
import { filterFile, type FilterFile } from '../process/filter-file.ts'
import { findProgram } from '../process/find-program.ts'
import type { ForeignCompression } from '../storage/decompress.ts'

interface Program { readonly args: readonly string[]; readonly package: string }

/** An archive may want more memory than a machine has. */
const PROGRAMS: Readonly<Record<ForeignCompression, Program>> = {
  xz: { args: ['--decompress', '--stdout', '--memlimit-decompress=1GiB'], package: 'xz-utils' },
  bzip2: { args: ['--decompress', '--stdout'], package: 'bzip2' },
}

/**
 * Writes what the file `input` holds, from its start and decompressed, into `output`.
 * @throws unsupported: the program is missing; invalid: it is broken; noSpace; timeout; cancelled
 */
export async function decompressFile(compression: ForeignCompression, files: FilterFile): Promise<void> {
  const program = findProgram(compression)
  if (program === undefined) throw new Failure('unsupported', `it is compressed with ${compression}, and the program ${compression} is not installed`, { hint: `install ${PROGRAMS[compression].package}` })
  const { code, said } = await filterFile(program, PROGRAMS[compression].args, files)
  if (code === 0) return
  if (/No space left|Disk quota/.test(said)) throw new Failure('noSpace', 'the archive is larger than the space that is left', { hint: 'free some space, for example with scow image prune' })
  throw new Failure('invalid', `broken ${compression}: ${said.trim().split('\n')[0] || `it ended with ${code ?? 'a signal'}`}`)
}
