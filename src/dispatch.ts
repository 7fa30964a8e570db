// argv -> the command's own bundle -> exit code.
import { CRI_GLOBALS, readCriGlobals, readGlobals, type Leading } from './cli/globals.ts'
import { GROUPS, MOUNTS, chunkName } from './commands/table.ts'
import type { Start } from './commands/start.ts'
import { nearestWord } from './nearest-word.ts'
import { workerFile } from './paths.ts'
import { tellPeople } from './write-all.ts'

interface Chunk { readonly start: (call: Start) => Promise<number> }

const FAILED = 125
/** As crictl. */
const FAILED_CRI = 1

/** Of a bundle of dist/. */
export type LoadChunk = (name: string) => unknown

/**
 * Runs the command that `argv` names.
 * @param load absent: the sources are run
 * @returns its exit code
 */
export async function dispatch(argv: readonly string[], load?: LoadChunk): Promise<number> {
  const start = starter(load)
  const { values, rest, help, version, problem } = readGlobals(argv)
  const named = endpoint()
  if (named !== undefined && !values.has('--endpoint')) values.set('--endpoint', named)
  if (problem !== undefined) return refuse(`${problem}; see 'scow --help'`)
  if (version) return start('system/version', 'version', { values: new Map(), words: ['--short'] })
  if (help || rest.length === 0) return start('system/help', 'help', { values, words: rest })
  if (rest[0] === 'cri' || rest[0] === 'crictl') return cri(start, { called: rest[0], given: rest.slice(1), outer: values })
  const found = find(rest)
  if (found) return start(found.file, found.name, { values, words: rest.slice(found.name.split(' ').length) })
  const [first, second] = rest as [string, string | undefined]
  if (!(first in GROUPS)) return refuse(unrecognized('scow', first, commandWords(0)))
  if (second === undefined || second === '--help' || second === '-h') return start('system/help', 'help', { values, words: [first] })
  return refuse(unrecognized(`scow ${first}`, second, commandWords(1, first)))
}

function unrecognized(title: string, word: string, known: Iterable<string>): string {
  const meant = nearestWord(word, known)
  return `unrecognized command '${title} ${word}'; ${meant === undefined ? '' : `did you mean '${title} ${meant}'? `}see '${title} --help'`
}

/** The words that commands have at a place of their names. */
const commandWords = (at: number, first?: string): Set<string> =>
  new Set(MOUNTS.flatMap(({ names }) => names).map((name) => name.split(' ')).filter((words) => first === undefined || words[0] === first).flatMap((words) => words[at] ?? []))

interface CriWords { readonly called: string; readonly given: readonly string[]; readonly outer: Map<string, string> }

/** The grammar of crictl: its own global flags, then its commands. `called`: `cri`, or the name of a link to us. */
async function cri(start: StartBundle, { called, given, outer }: CriWords): Promise<number> {
  const title = called === 'crictl' ? 'crictl' : 'scow cri'
  const { values, rest, help, version, problem }: Leading = readCriGlobals(given)
  const outside = called === 'crictl' ? undefined : outer.get('--endpoint')
  const own = { values: new Map([...(outside ? [['--runtime-endpoint', outside] as const] : []), ...values, ['--called', called]]), title, globalFlags: CRI_GLOBALS }
  if (problem !== undefined) return refuse(`${problem}; see '${title} --help'`, FAILED_CRI)
  if (version) return start('system/version', 'version', { values: new Map([['--called', called]]), words: ['--short'] })
  if (help || rest.length === 0 || rest[0] === 'help' || rest[0] === 'h') return start('system/help', 'help', { values: new Map([...outer, ['--called', called]]), words: ['cri', ...(help ? [] : rest.slice(1))] })
  if (rest[0] === 'completion') {
    const code = await start('system/completion', 'completion', { title, values: new Map([['--called', called]]), words: rest.length > 1 ? rest.slice(1) : ['bash'] })
    return code === FAILED ? FAILED_CRI : code
  }
  if (rest[0] === '__complete') return start('system/complete', '__complete', { values: outer, words: ['--', 'cri', ...rest.slice(rest[1] === '--' ? 2 : 1)] })
  const file = MOUNTS.find(({ names }) => names.includes(`cri ${rest[0]}`))?.file
  if (file === undefined) return refuse(unrecognized(title, rest[0]!, commandWords(1, 'cri')), FAILED_CRI)
  return start(file, rest[0]!, { ...own, words: rest.slice(1), singleDash: called === 'crictl' })
}

const find = (words: readonly string[]): { file: string; name: string } | undefined => {
  for (const name of [words.slice(0, 2).join(' '), words[0]!]) {
    const file = MOUNTS.find(({ names }) => names.includes(name))?.file
    if (file) return { file, name }
  }
  return undefined
}

interface Starting { readonly values: Map<string, string>; readonly words: readonly string[]; readonly title?: string; readonly globalFlags?: ReadonlyMap<string, boolean>; readonly singleDash?: boolean }

type StartBundle = (file: string, name: string, starting: Starting) => Promise<number>

const starter = (load: LoadChunk | undefined): StartBundle => async (file, name, { values, words, title = 'scow', globalFlags, singleDash = false }) => {
  const call = { file, title: `${title} ${name}`, words, singleDash, ...(globalFlags ? { globalFlags } : {}), commandLine: ['scow', ...process.argv.slice(2)], globals: values, noColor: noColor(), exitNow: (code: number) => process.exit(code) }
  if (load) return (load(`./${chunkName(file)}.cjs`) as Chunk).start(call)
  // paths that the bundler cannot follow: these files belong to the commands' own chunks
  const [{ startCommand }, { spec }] = await Promise.all([import(workerFile('commands/start.ts')), import(workerFile(`commands/${file}.ts`))])
  return startCommand(spec, call)
}

const refuse = (message: string, code = FAILED): number => {
  tellPeople(`Error: ${message}`)
  return code
}

// The environment is read here besides config.ts because a command may work before it is.
const endpoint = (): string | undefined => process.env['SCOW_ENDPOINT'] || undefined
const noColor = (): boolean => (process.env['NO_COLOR'] ?? '') !== '' || process.env['TERM'] === 'dumb'
