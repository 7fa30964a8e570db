// The sections of each man page that do not follow from the flags. Loaded when pages are made, never by a command.
import { EXEC, MADE, RUN } from './container.ts'
import { LISTINGS } from './listings.ts'
import type { ManSection as Section } from '../../cli/man.ts'

const BY_COMMAND: Readonly<Record<string, readonly Section[]>> = { ...LISTINGS, run: RUN, create: MADE, exec: EXEC }

/** `name` is the command's first one, such as `volume ls`. */
export const manualSections = (name: string): readonly Section[] => BY_COMMAND[name] ?? []
export { PROGRAM } from './program.ts'
