// Writes what derives from the specs and the CRI's description: completions/, man/, docs/parity.md, docs/cri-schema.json and the list
// in docs/cri.md. `node src/commands/generate.ts`.
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { SHELLS, completionScript } from '../cli/completion-scripts.ts'
import { commandManPage, programManPage } from '../cli/man.ts'
import { ALL } from './all.ts'
import { configSchema, criSchema } from './cri-schema.ts'
import { PROGRAM, manualSections } from './manual/sections.ts'
import { ABOUT, globalFlags, groupCommands, topCommands } from './overview.ts'
import { parityPage } from './parity.ts'
import { GROUPS, MOUNTS } from './table.ts'
import { withEndpointList } from './endpoint-list.ts'

const ROOT = join(import.meta.dirname, '../..')

/** Text by path below the project's root. */
export function generatedFiles(): Map<string, string> {
  const files = new Map<string, string>()
  const names = { bash: 'scow.bash', zsh: '_scow', fish: 'scow.fish' }
  for (const shell of SHELLS) files.set(`completions/${names[shell]}`, completionScript(shell, 'scow'))
  const commands = [...topCommands().filter(({ name }) => !(name in GROUPS)), ...Object.keys(GROUPS).flatMap((group) => groupCommands(group).map(({ name, summary }) => ({ name: `${group} ${name}`, summary })))]
  files.set('man/scow.1', programManPage(ABOUT, commands, { globals: globalFlags(), sections: PROGRAM }))
  for (const { file, names: mounted } of MOUNTS) {
    const spec = ALL[file]
    if (spec && !spec.hidden) files.set(`man/scow-${mounted[0]!.replaceAll(' ', '-')}.1`, commandManPage(spec, `scow ${mounted[0]}`, manualSections(mounted[0]!)))
  }
  for (const { file, names: mounted } of MOUNTS) {
    // the same command under its other names refers to the one page
    for (const name of ALL[file] ? mounted.slice(1) : []) files.set(`man/scow-${name.replaceAll(' ', '-')}.1`, `.so man1/scow-${mounted[0]!.replaceAll(' ', '-')}.1\n`)
  }
  files.set('docs/parity.md', parityPage())
  files.set('docs/cri.md', withEndpointList(readFileSync(join(ROOT, 'docs/cri.md'), 'utf8')))
  const proto = readFileSync(join(ROOT, 'proto/runtime-v1.proto'), 'utf8')
  files.set('docs/cri-schema.json', criSchema(proto))
  files.set('src/cri/wire/config-schema.json', configSchema(proto))
  return files
}

const OWN_FOLDERS = ['completions', 'man']

export function writeGenerated(root: string): void {
  const files = generatedFiles() // whole before anything is removed
  for (const folder of OWN_FOLDERS) for (const name of readdirSync(join(root, folder))) rmSync(join(root, folder, name))
  for (const [path, text] of files) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
}

if (process.argv[1]?.endsWith('/generate.ts')) writeGenerated(ROOT)
