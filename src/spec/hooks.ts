// hooks.d files, version 1.0.0 (oci-hooks(5)).
import * as v from 'valibot'
import { Failure } from '../errors.ts'
import type { HookStage, OciHook, OciHooks } from './oci-spec.ts'

const STAGES = ['prestart', 'createRuntime', 'createContainer', 'startContainer', 'poststart', 'poststop', 'precreate'] as const
const list = v.pipe(v.array(v.string()), v.maxLength(1000))

const File = v.object({
  version: v.literal('1.0.0'),
  hook: v.object({
    path: v.pipe(v.string(), v.startsWith('/', 'must be an absolute path')),
    args: v.optional(list),
    env: v.optional(list),
    timeout: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
  }),
  when: v.object({
    always: v.optional(v.boolean()),
    annotations: v.optional(v.record(v.string(), v.string())),
    commands: v.optional(list),
    hasBindMounts: v.optional(v.boolean()),
  }),
  stages: v.pipe(v.array(v.picklist(STAGES)), v.minLength(1)),
})

/** One file of a hooks.d directory. */
export type HookFile = v.InferOutput<typeof File>

/** Checks the parsed JSON of `file`. */
export function parseHookFile(value: unknown, file: string): HookFile {
  const result = v.safeParse(File, value, { abortEarly: true })
  if (!result.success) throw new Failure('invalid', `hook ${file}: ${v.getDotPath(result.issues[0]) ?? 'file'}: ${result.issues[0].message}`)
  for (const pattern of patternsOf(result.output)) compile(pattern, file)
  return result.output
}

const patternsOf = ({ when }: HookFile): string[] => [...Object.entries(when.annotations ?? {}).flat(), ...(when.commands ?? [])]

function compile(pattern: string, file = ''): RegExp {
  try {
    return new RegExp(pattern)
  } catch (error) {
    throw new Failure('invalid', `hook ${file}: '${pattern}' is no regular expression`, { cause: error })
  }
}

export interface HookFacts {
  readonly annotations: Readonly<Record<string, string>>
  readonly command: string
  readonly hasBindMounts: boolean
}

/** The hooks whose conditions all hold, by stage in the order of the files. `precreate` isn't the runtime's and left out. */
export function matchHooks(files: readonly HookFile[], facts: HookFacts): OciHooks {
  const hooks: OciHooks = {}
  for (const file of files.filter(({ when }) => applies(when, facts))) {
    for (const stage of new Set(file.stages)) if (stage !== 'precreate') addHook(hooks, stage, hookOf(file.hook))
  }
  return hooks
}

export function addHook(hooks: OciHooks, stage: HookStage, hook: OciHook): void {
  hooks[stage] = [...(hooks[stage] ?? []), hook]
}

const hookOf = ({ path, args, env, timeout }: HookFile['hook']): OciHook =>
  ({ path, ...(args && { args }), ...(env && { env }), ...(timeout && { timeout }) })

/** Every condition that is there must hold, and one must be there. */
function applies({ always, annotations, commands, hasBindMounts }: HookFile['when'], facts: HookFacts): boolean {
  const conditions: boolean[] = []
  if (always !== undefined) conditions.push(always)
  if (hasBindMounts !== undefined) conditions.push(hasBindMounts === facts.hasBindMounts)
  for (const [name, value] of Object.entries(annotations ?? {})) {
    conditions.push(Object.entries(facts.annotations).some(([key, text]) => compile(name).test(key) && compile(value).test(text)))
  }
  if (commands?.length) conditions.push(commands.some((pattern) => compile(pattern).test(facts.command)))
  return conditions.length > 0 && conditions.every(Boolean)
}
