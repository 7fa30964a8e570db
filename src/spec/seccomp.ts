import { constants } from 'node:os'
import * as v from 'valibot'
import { Failure } from '../errors.ts'
import type { OciSeccomp, OciSeccompRule } from './oci-spec.ts'

const MAX_ENTRIES = 4096
const optionalList = <T extends v.GenericSchema>(item: T) => v.nullish(v.pipe(v.array(item), v.maxLength(MAX_ENTRIES)))
const errno = { errnoRet: v.nullish(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(4095))), errno: v.nullish(v.string()) }

const Action = v.pipe(v.string(), v.regex(/^SCMP_ACT_[A-Z_]+$/, 'is no seccomp action'))
const Filter = v.nullish(v.object({ caps: optionalList(v.string()), arches: optionalList(v.string()), minKernel: v.nullish(v.string()) }))
const Argument = v.object({
  index: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(5)),
  value: v.pipe(v.number(), v.minValue(0)),
  valueTwo: v.nullish(v.pipe(v.number(), v.minValue(0))),
  op: v.pipe(v.string(), v.regex(/^SCMP_CMP_[A-Z_]+$/, 'is no seccomp comparison')),
})
const Entry = v.object({
  names: optionalList(v.string()),
  /** The older format has one name in each entry. */
  name: v.nullish(v.string()),
  action: Action,
  ...errno,
  args: optionalList(Argument),
  includes: Filter,
  excludes: Filter,
})
const Profile = v.object({
  defaultAction: Action,
  defaultErrnoRet: errno.errnoRet,
  defaultErrno: errno.errno,
  architectures: optionalList(v.string()),
  archMap: optionalList(v.object({ architecture: v.string(), subArchitectures: v.nullish(v.array(v.string())) })),
  flags: optionalList(v.string()),
  listenerPath: v.nullish(v.string()),
  listenerMetadata: v.nullish(v.string()),
  syscalls: optionalList(Entry),
})

/** A seccomp profile in the format that docker and podman share, as checked by `parseSeccompProfile`. */
export type SeccompProfile = v.InferOutput<typeof Profile>
export type SeccompEntry = v.InferOutput<typeof Entry>

/** Checks the parsed JSON of a profile; `file` is named in the error. */
export function parseSeccompProfile(value: unknown, file: string): SeccompProfile {
  const result = v.safeParse(Profile, value, { abortEarly: true })
  if (result.success) {
    if (result.output.architectures?.length && result.output.archMap?.length) throw wrong(file, 'has both architectures and archMap')
    return result.output
  }
  throw wrong(file, `${v.getDotPath(result.issues[0]) ?? 'profile'}: ${result.issues[0].message}`)
}

const wrong = (file: string, why: string) => new Failure('invalid', `seccomp profile ${file}: ${why}`)

export interface SeccompFacts {
  /** Capabilities of the bounding set, with CAP_. */
  readonly capabilities: ReadonlySet<string>
  /** Go's name of the architecture. */
  readonly architecture: string
  readonly kernel: { readonly major: number; readonly minor: number }
  /** False where the kernel has no x32 ABI: rules for it are a third of the time that a runtime spends on the filter. */
  readonly x32: boolean
}

/** The rules of `profile` that hold for a container with these capabilities on this machine. */
export function resolveSeccomp(profile: SeccompProfile, facts: SeccompFacts): OciSeccomp {
  const errnoRet = errnoOf(profile.defaultErrno, profile.defaultErrnoRet)
  return {
    defaultAction: profile.defaultAction,
    ...(errnoRet !== undefined && { defaultErrnoRet: errnoRet }),
    ...architecturesOf(profile, facts),
    ...(profile.flags?.length && { flags: [...profile.flags] }),
    ...(profile.listenerPath && { listenerPath: profile.listenerPath }),
    ...(profile.listenerMetadata && { listenerMetadata: profile.listenerMetadata }),
    syscalls: (profile.syscalls ?? []).filter((entry) => holds(entry, facts)).map(ruleOf),
  }
}

const ruleOf = (entry: SeccompEntry): OciSeccompRule => {
  const errnoRet = errnoOf(entry.errno, entry.errnoRet)
  return {
    names: [...(entry.names ?? []), ...(entry.name ? [entry.name] : [])],
    action: entry.action,
    ...(errnoRet !== undefined && { errnoRet }),
    ...(entry.args?.length && { args: entry.args.map(({ index, value, valueTwo, op }) => ({ index, value, ...(valueTwo && { valueTwo }), op })) }),
  }
}

/** A filter's name of the architecture differs from Go's for one alone. */
const filterName = (architecture: string): string => (architecture === '386' ? 'x86' : architecture)

function holds({ includes, excludes }: SeccompEntry, { capabilities, architecture, kernel }: SeccompFacts): boolean {
  const arch = filterName(architecture)
  if (includes?.arches?.length && !includes.arches.includes(arch)) return false
  if (includes?.caps && !includes.caps.every((name) => capabilities.has(name))) return false
  if (includes?.minKernel && !atLeast(kernel, includes.minKernel)) return false
  if (excludes?.arches?.includes(arch)) return false
  if (excludes?.caps?.some((name) => capabilities.has(name))) return false
  return !(excludes?.minKernel && atLeast(kernel, excludes.minKernel))
}

function atLeast({ major, minor }: SeccompFacts['kernel'], wanted: string): boolean {
  const match = /^(\d+)\.(\d+)/.exec(wanted)
  if (!match) throw new Failure('invalid', `seccomp profile: minKernel '${wanted}' is no version like 4.8`)
  return major > Number(match[1]) || (major === Number(match[1]) && minor >= Number(match[2]))
}

/** Of the default profile, on every processor that we run on; for others a module is loaded. */
const USUAL_ERRNOS: ReadonlyMap<string, number> = new Map([['EPERM', 1], ['EINVAL', 22], ['ENOSYS', 38]])

/** The name wins over the number, since numbers differ between architectures. */
function errnoOf(name: string | null | undefined, number: number | null | undefined): number | undefined {
  if (!name) return number ?? undefined
  const found = USUAL_ERRNOS.get(name) ?? (constants.errno as Record<string, number>)[name]
  if (found === undefined) throw new Failure('invalid', `seccomp profile: unknown errno '${name}'`)
  return found
}

const LIBSECCOMP_NAMES: Readonly<Record<string, string>> = {
  amd64: 'SCMP_ARCH_X86_64', 386: 'SCMP_ARCH_X86', arm64: 'SCMP_ARCH_AARCH64', arm: 'SCMP_ARCH_ARM', riscv64: 'SCMP_ARCH_RISCV64',
  ppc64le: 'SCMP_ARCH_PPC64LE', s390x: 'SCMP_ARCH_S390X', mips64le: 'SCMP_ARCH_MIPSEL64', loong64: 'SCMP_ARCH_LOONGARCH64',
}

function architecturesOf(profile: SeccompProfile, { architecture, x32 }: SeccompFacts): { architectures?: string[] } {
  if (profile.architectures?.length) return { architectures: [...profile.architectures] }
  const entry = profile.archMap?.find((each) => each.architecture === LIBSECCOMP_NAMES[architecture])
  return entry ? { architectures: [entry.architecture, ...(entry.subArchitectures ?? []).filter((each) => x32 || each !== 'SCMP_ARCH_X32')] } : {}
}
