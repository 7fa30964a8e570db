// The commands' own `defineCommand`: as cli's, with scow's engine.
import type { CommandSpec, Invocation, Options } from '../cli/command.ts'
import type { Engine } from '../engine/engine.ts'

export const defineCommand = <O extends Options>(spec: CommandSpec<O, Engine>): CommandSpec<O, Engine> => spec

export type Call<O extends Options> = Invocation<O, Engine>
