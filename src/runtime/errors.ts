// What OCI runtimes say when they refuse, turned into failures of ours. Their texts are read here and nowhere else.
import { Failure, type ErrorKind } from '../errors.ts'

interface Meaning { readonly kind: ErrorKind; readonly message: string; readonly hint?: string }
type Rule = readonly [RegExp, (found: readonly string[], id: string) => Meaning]

/** Go quotes what it names. */
const missingCommand = (quoted: string): Meaning => (quoted === '' ? { kind: 'commandNotFound', message: 'the command is empty' } :
  { kind: 'commandNotFound', message: `${quoted.replace(/\\(["\\])/g, '$1')}: no such command in the container`, hint: 'is it in the image, and in its PATH?' })

const uninvokable = (command: string, why: string): Meaning => ({ kind: 'cannotInvoke', message: `${command}: cannot be executed in the container: ${why}` })

const workdir = (dir: string, why: string): Meaning => /no such file/.test(why)
  ? { kind: 'commandNotFound', message: `the working directory ${dir} does not exist in the container` }
  : { kind: 'cannotInvoke', message: `the working directory ${dir} cannot be used: ${why}` }

const wrongState = (state: string) => (_: readonly string[], id: string): Meaning => ({ kind: 'wrongState', message: `container ${id} ${state}` })

const noCgroups = (why: string): Meaning =>
  ({ kind: 'unsupported', message: `this host's cgroups cannot be used: ${why}`, hint: 'see what is missing with: scow doctor' })

/** The first that fits counts: the particular before the general. */
const RULES: readonly Rule[] = [
  // The command of a container or exec session.
  [/exec: \\?"(.*?)\\?": executable file not found/, ([c]) => missingCommand(c!)],
  [/executable file [`'"](.*?)[`'"] not found/, ([c]) => missingCommand(c!)],
  [/error finding executable "(.*?)" in PATH/, ([c]) => missingCommand(c!)],
  [/exec: "(.*?)": stat .*: no such file or directory/, ([c]) => missingCommand(c!)],
  [/failed to load (\S+): no such file or directory/, ([c]) => missingCommand(c!)],
  [/exec: "(.*?)": (.*)$/, ([c, why]) => uninvokable(c!, why!)],
  [/failed to load (\S+): (permission denied|.*exec format error|.*is a directory)/, ([c, why]) => uninvokable(c!, why!)],
  [/(?:^|: )exec (\S+): (exec format error|permission denied|is a directory|no such file or directory)/, ([c, why]) =>
    why === 'no such file or directory' ? missingCommand(c!) : uninvokable(c!, why!)],
  [/open executable: (.*)$/, ([why]) => uninvokable('the command', why!)],
  [/chdir to cwd \("(.*?)"\) set in config.json failed: (.*)$/, ([dir, why]) => workdir(dir!, why!)],
  [/mkdir (\S+): (not a directory|read-only file system)/, ([path, why]) => workdir(path!, why!)],

  // Its state.
  [/(?:container with given ID|container \S+|container) already exists/, (_, id) => ({ kind: 'exists', message: `the runtime knows a container ${id} already` })],
  [/container does not exist|loading (?:container|sandbox).*: file does not exist|container `.*` does not exist|error opening file `.*\/status`/,
    (_, id) => ({ kind: 'notFound', message: `the runtime knows no container ${id}` })],
  [/cannot start an already running|is already running/, wrongState('is running already')],
  [/paused container|in the paused state|in state paused/, (_, id) => ({ kind: 'wrongState', message: `container ${id} is paused`, hint: `resume it first: scow unpause ${id}` })],
  [/container not paused|cannot resume container/, wrongState('is not paused')],
  // A group is listed while somebody removes it. Names of settings have a dot: one that is missing is a lack of the kernel.
  [/(?:(?:lstat|readdirent) \/sys\/fs\/cgroup\/\S+|open \/sys\/fs\/cgroup\/\S*\/[\w-]+(?:\.scope)?|(?:open|read) \/sys\/fs\/cgroup\/\S+\/cgroup\.procs): no such (?:file|device)/, wrongState('has ended')],
  [/read init-p: connection reset by peer/, () => ({ kind: 'unavailable', message: 'the process was killed before it could begin', hint: 'has the container ended, or has it too little memory?' })],
  [/not running|has stopped|stopped container|process already finished|in state (?:stopped|created)|not started|is not stopped/, wrongState('is not in the state for that')],

  // What it was asked to be.
  [/error mounting "(.*?)" to rootfs at "(.*?)": (.*)$/, ([from, to, why]) => ({ kind: 'invalid', message: `cannot mount ${from} on ${to}: ${why!.replace(/^.*: (?=[^:]+$)/, '')}` })],
  [/mount `(.*?)` to `(.*?)`: (.*)$/, ([from, to, why]) => ({ kind: 'invalid', message: `cannot mount ${from} on ${to}: ${why}` })],
  [/namespace path: (?:lstat )?(\S+): (.*)$/, ([path, why]) => ({ kind: 'notFound', message: `the namespace ${path} cannot be joined: ${why}` })],
  [/unable to set memory limit to (\d+) \(current usage: (\d+)/, ([limit, usage]) =>
    ({ kind: 'invalid', message: `the memory limit of ${limit} bytes is too low: ${usage} are in use`, hint: 'at least 6 MB are needed' })],
  [/memory limit could be too low|minimum memory limit|Minimum memory limit/, () => ({ kind: 'invalid', message: 'the memory limit is too low', hint: 'at least 6 MB are needed' })],
  [/failed to write "([^"]*)": write \S*\/(\S+?): (invalid argument|numerical result out of range|argument list too long)/, ([value, file, why]) =>
    ({ kind: 'invalid', message: `the kernel takes no ${value} for ${file}: ${why}` })],
  [/unable to set unified resource "(\S+?)": .*no such file/, ([file]) => ({ kind: 'invalid', message: `this kernel has no setting ${file} for cgroups` })],
  [/unified resource "(\S+?)" value conversion error: (?:.*: )?(.*)$/, ([file, why]) => ({ kind: 'invalid', message: `${file} of the cgroup cannot be set: ${why}` })],
  [/sysctl "(.*?)" is not (?:in a separate|allowed).*/, ([name]) =>
    ({ kind: 'invalid', message: `the sysctl ${name} cannot be set for a container alone`, hint: 'only kernel.* of IPC, fs.mqueue.* and net.* with their own namespaces can' })],
  [/open(?:ing file)? `?\/proc\/sys\/(\S+?)`?: (.*)$/, ([path, why]) => ({ kind: 'invalid', message: `the sysctl ${path!.replaceAll('/', '.')} cannot be set: ${why}` })],
  [/setrlimit `?(\S+?)`?: (.*)$|setting rlimit type (\d+): (.*)$/, ([name, why, type, typeWhy]) =>
    ({ kind: 'denied', message: `the limit ${name ?? `of type ${type}`} cannot be set: ${why ?? typeWhy}`, hint: 'it is above what this host allows' })],
  [/apply apparmor profile: (.*)$/, ([why]) => ({ kind: 'invalid', message: `the AppArmor profile cannot be used: ${why!.replace(/^.*: (?=[^:]+$)/, '')}`, hint: 'is it loaded? see: aa-status' })],
  [/error running (?:\w+ )?hook.*?: (.*)$/, ([why]) => ({ kind: 'unavailable', message: `an OCI hook failed: ${why}` })],
  [/invalid rootfs|rootfs .*(?:no such file|does not exist)/, () => ({ kind: 'invalid', message: 'the root file system is missing' })],

  // What the host lacks.
  [/cgroups in hybrid mode not supported/, () => ({ kind: 'unsupported', message: 'this runtime cannot use cgroups in hybrid mode, as this host has them', hint: 'use runc' })],
  [/mountpoint for (\S+) not found/, ([name]) => noCgroups(`${name} is not mounted`)],
  [/(?:unable to start unit|dial unix .*(?:dbus|systemd)|sd-bus|Interactive authentication required|unable to apply cgroup configuration)(.*)$/, ([why]) => noCgroups(`systemd refused${why}`)],
  [/cannot run with network enabled in root network namespace/, () =>
    ({ kind: 'unsupported', message: 'this runsc cannot join network namespaces on this kernel', hint: 'use --network none or host, or a newer gVisor' })],
  [/unknown command (\S+)|No help topic for '(\S+)'/, (found) => ({ kind: 'unsupported', message: `this runtime has no command ${found.find(Boolean)}` })],
  [/flag provided but not defined: (\S+)|unrecognized option '(\S+)'|unknown option (\S+)/, (found) =>
    ({ kind: 'unsupported', message: `this runtime has no option ${found.find(Boolean)}` })],
  [/permission denied|[Oo]peration not permitted/, () => ({ kind: 'cannotInvoke', message: '' })],
]

export interface RuntimeContext {
  /** Name of the runtime: runc. */
  readonly runtime: string
  /** Of the container. */
  readonly id: string
}

const MAX_TEXT = 2000

/** `text`: standard error or log of a runtime that failed. The whole of it is kept as `cause`. */
export const runtimeFailure = (text: string, { runtime, id }: RuntimeContext): Failure => {
  const reason = reasonOf(text)
  const cause = new Error(`${runtime} said: ${text.slice(-MAX_TEXT).trim()}`)
  for (const [pattern, meaning] of RULES) {
    const found = pattern.exec(reason)
    if (!found) continue
    const { kind, message, hint } = meaning(found.slice(1), id.slice(0, 12))
    return new Failure(kind, message || `${runtime}: ${reason}`, { cause, ...(hint === undefined ? {} : { hint }) })
  }
  return new Failure('unavailable', reason === '' ? `${runtime} failed without a word` : `${runtime}: ${reason}`, { cause })
}

/** The last line that is an error, without its time stamp, level and the runtime's steps that say nothing. */
const reasonOf = (text: string): string => {
  const lines = text.split('\n').map((line) => line.trim()).filter(Boolean)
  const errors = lines.filter((line) => /level=(error|fatal)|"level":\s*"(error|fatal)"/.test(line))
  return plain((errors.length > 0 ? errors : lines).at(-1) ?? '')
    .replace(/^(?:runc (?:create|run|start) failed|exec failed|unable to start container process|error during container init|container_linux\.go:\d+: \S+|starting (?:root )?container|creating container|cannot create sandbox|starting sandbox|creating process): /, '')
    .replace(/^(?:unable to start container process: )?(?:error during container init: )?/, '')
    .slice(0, MAX_TEXT)
}

/** The message of a log line of logrus (`msg="..."`), JSON, or crun (`time: message`). */
const plain = (line: string): string => {
  if (line.startsWith('{')) {
    try {
      return String((JSON.parse(line) as { msg?: unknown }).msg ?? line)
    } catch {
      return line
    }
  }
  const quoted = /\bmsg=("(?:[^"\\]|\\.)*")/.exec(line)?.[1]
  if (quoted === undefined) return /\bmsg=(\S+)/.exec(line)?.[1] ?? line.replace(/^\d{4}-\d\d-\d\dT[\d:.]+Z?:? /, '')
  try {
    return String(JSON.parse(quoted))
  } catch {
    return quoted.slice(1, -1)
  }
}
