// A process for what it is: a pid alone is reused, by another process or after a reboot, and means another one in another PID namespace.
import { closeSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { pidfdOpen, pidfdSignal } from '../sys/addon.ts'
import { signalNumber } from '../signals.ts'

export interface ProcessIdentity {
  readonly pid: number
  /** Clock ticks after boot: field 22 of /proc/PID/stat. */
  readonly startTime: number
  readonly bootId: string
  /** Inode of the PID namespace in which `pid` was seen; absent in records of before it was noted. */
  readonly pidNamespace?: number
}

let knownBootId: string | undefined

/** Differs for every boot of the machine. */
export const bootId = (): string => (knownBootId ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim())

const pidNamespaceOf = (pid: number | string): number | undefined => {
  try { return statSync(`/proc/${pid}/ns/pid`).ino } catch { return undefined }
}

let knownNamespace: { readonly inode: number | undefined } | undefined

const ownNamespace = (): number | undefined => (knownNamespace ??= { inode: pidNamespaceOf('self') }).inode

/** Whether its pid means another process here, or none. */
export const isForeign = ({ pidNamespace }: Pick<ProcessIdentity, 'pidNamespace'>): boolean =>
  pidNamespace !== undefined && pidNamespace !== ownNamespace()

/** Of the first namespace of the machine, PROC_PID_INIT_INO of the kernel: there every process is seen. */
const FIRST_NAMESPACE = 0xeffffffc

/** Whether no process of that namespace lives any more. False where that cannot be seen from here. Reads much of /proc. */
export const hasNamespaceEnded = ({ pidNamespace }: Pick<ProcessIdentity, 'pidNamespace'>): boolean =>
  pidNamespace !== undefined && ownNamespace() === FIRST_NAMESPACE
  && !readdirSync('/proc').some((name) => /^\d+$/.test(name) && pidNamespaceOf(name) === pidNamespace)

/** Of the fields that follow the name. */
const START_TIME = 19

interface Stat { readonly state: string; readonly parent: number; readonly startTime: number }

/** Undefined when no such process exists. A name may hold spaces and parentheses: fields count from the last `)`. */
export const readStat = (pid: number): Stat | undefined => {
  let text: string
  try {
    // in UTF-8 it is one call of Node's, less than half of the time; what a name makes of that does not matter
    text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ESRCH') return undefined
    throw error
  }
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ', START_TIME + 1)
  return { state: fields[0] ?? 'X', parent: Number(fields[1]), startTime: Number(fields[START_TIME]) }
}

/** Undefined when no such process exists or it is a zombie. */
export const identify = (pid: number): ProcessIdentity | undefined => {
  const stat = readStat(pid)
  const pidNamespace = ownNamespace()
  return stat && !isDead(stat.state) ? { pid, startTime: stat.startTime, bootId: bootId(), ...(pidNamespace === undefined ? {} : { pidNamespace }) } : undefined
}

/** False for a zombie, for another process of the same pid, and for one of an earlier boot. True for one of another PID namespace, since it may live. */
export const isAlive = (identity: ProcessIdentity): boolean => {
  const { pid, startTime } = identity
  if (pid <= 0 || identity.bootId !== bootId()) return false
  if (isForeign(identity)) return true
  const stat = readStat(pid)
  return stat !== undefined && stat.startTime === startTime && !isDead(stat.state)
}

const isDead = (state: string): boolean => state === 'Z' || state === 'X' || state === 'x'

let knownSelf: ProcessIdentity | undefined

export const self = (): ProcessIdentity => (knownSelf ??= identify(process.pid)!)

/** Signals exactly that process, never another that got its pid. False when it is gone already, or of another PID namespace. */
export const killProcess = (identity: ProcessIdentity, signal: NodeJS.Signals | number = 'SIGTERM'): boolean => {
  if (isForeign(identity)) return false
  let fd: number | undefined
  try {
    // The descriptor first: what it names can't change after the identity was compared.
    fd = pidfdOpen(identity.pid)
    if (!isAlive(identity)) return false
    pidfdSignal(fd, typeof signal === 'number' ? signal : signalNumber(signal)!)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
    throw error
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}
