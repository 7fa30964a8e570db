// The program and its groups in words, for help and man pages.
import type { Listed } from '../cli/help.ts'
import { CRI_FLAGS, GLOBAL_FLAGS } from '../cli/globals.ts'
import { ALL } from './all.ts'
import { GROUPS, MOUNTS } from './table.ts'

export const ABOUT = 'Manage containers, images, networks and volumes without a daemon'

/** Commands of one word, then the groups. */
export const topCommands = (): Listed[] => [
  ...MOUNTS.flatMap(({ file, names }) => {
    const name = names.find((one) => !one.includes(' ') && !one.startsWith('_'))
    return name && ALL[file] ? [{ name, summary: ALL[file].summary }] : []
  }).sort((a, b) => Number(a.name > b.name) - Number(a.name < b.name)),
  ...Object.entries(GROUPS).map(([name, summary]) => ({ name, summary })),
]

export const groupCommands = (group: string): Listed[] => MOUNTS.flatMap(({ file, names }) => {
  const name = names.find((one) => one.startsWith(`${group} `))
  return name && ALL[file] ? [{ name: name.slice(group.length + 1), summary: ALL[file].summary }] : []
}).sort((a, b) => Number(a.name > b.name) - Number(a.name < b.name))

export const globalFlags = (): Listed[] => [
  ...GLOBAL_FLAGS.map(({ flags, valued, summary }) => ({ name: valued ? `${flags} <value>` : flags, summary })),
  { name: '-v, --version', summary: 'Show the version' }, { name: '-h, --help', summary: 'Show this help' },
]

/** Between `cri` and its command. */
export const criFlags = (): Listed[] => CRI_FLAGS.map(({ flags, valued, summary }) => ({ name: valued ? `${flags} <value>` : flags, summary }))
