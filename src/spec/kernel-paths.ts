import type { SecurityRequest } from './request.ts'

/** Leak facts of the host, or let a container disturb it. */
const MASKED = [
  '/proc/acpi', '/proc/interrupts', '/proc/kcore', '/proc/keys', '/proc/latency_stats', '/proc/timer_list', '/proc/timer_stats',
  '/proc/sched_debug', '/proc/scsi', '/sys/firmware', '/sys/fs/selinux', '/sys/dev/block', '/sys/devices/virtual/powercap',
]
const READ_ONLY = ['/proc/asound', '/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger']

export interface KernelPaths {
  readonly maskedPaths: string[]
  readonly readonlyPaths: string[]
}

/** Paths of /proc and /sys that are hidden or read-only. `unmask` takes ALL or shell patterns, and lifts read-only as well. */
export function kernelPaths(security: SecurityRequest): KernelPaths {
  const unmask = (security.unmaskPaths ?? []).flatMap((text) => text.split(':')).filter(Boolean)
  const mask = (security.maskPaths ?? []).flatMap((text) => text.split(':')).filter(Boolean)
  const all = security.privileged || unmask.some((text) => text.toUpperCase() === 'ALL')
  const kept = (paths: readonly string[]) => (all ? [] : paths.filter((path) => !unmask.some((pattern) => matches(pattern, path))))
  const masked = security.exactMaskedPaths ? [...security.exactMaskedPaths] : kept(MASKED)
  return {
    maskedPaths: [...new Set([...masked, ...(security.privileged ? [] : mask)])],
    readonlyPaths: security.exactReadOnlyPaths ? [...security.exactReadOnlyPaths] : kept(READ_ONLY),
  }
}

const matches = (pattern: string, path: string): boolean =>
  new RegExp(`^${pattern.replace(/\/+$/, '').replace(/[.+^${}()|[\]\\]/g, '\\$&').replace(/\*/g, '[^/]*').replace(/\?/g, '[^/]')}$`).test(path)
