// `scow doctor`: what a container needs of this host, found by trying, each with its remedy.
import { existsSync, readFileSync } from 'node:fs'
import { Failure, isFailure } from '../errors.ts'
import { findProgram } from '../process/find-program.ts'
import type { Engine } from './engine.ts'
import { apparmorParser, DEFAULT_PROFILE } from './apparmor-profile.ts'
import { findMonitor } from './find-monitor.ts'
import { gatherHostFacts } from './gather-host-facts.ts'
import { boundingCapabilities } from './own-status.ts'

export interface Finding {
  readonly subject: string
  /** `warning`: works, with something missing. */
  readonly verdict: 'ok' | 'warning' | 'problem'
  readonly detail: string
  /** What to do about it. */
  readonly remedy?: string
}

/** Looks at everything and never throws for what it finds. */
export async function examineHost(engine: Engine): Promise<Finding[]> {
  const checks: (() => Promise<Finding> | Finding)[] = [
    () => (process.geteuid?.() === 0 ? ok('user', 'root') : problem('user', 'not root', 'run scow as root')),
    () => cgroups(),
    () => attempt('runtime', async () => { const runtime = await engine.runtime(); return `${runtime.path}: ${await runtime.version()}` }),
    () => attempt('monitor', async () => findMonitor(engine.config).path),
    () => storage(engine),
    () => network(engine),
    () => program('iptables', 'published ports and masquerading need it', 'apt install iptables'),
    () => seccomp(),
    () => apparmor(),
    () => limits(),
    () => forwarding(),
  ]
  const findings: Finding[] = []
  for (const check of checks) findings.push(await check())
  return findings
}

const ok = (subject: string, detail: string): Finding => ({ subject, verdict: 'ok', detail })
const problem = (subject: string, detail: string, remedy: string): Finding => ({ subject, verdict: 'problem', detail, remedy })
const warning = (subject: string, detail: string, remedy: string): Finding => ({ subject, verdict: 'warning', detail, remedy })

async function attempt(subject: string, look: () => Promise<string>): Promise<Finding> {
  try {
    return ok(subject, await look())
  } catch (error) {
    if (!isFailure(error)) throw error
    return problem(subject, error.message, error.hint ?? 'see the message')
  }
}

function cgroups(): Finding {
  const { cgroup } = gatherHostFacts({ devices: false, selinux: false })
  const missing = ['cpu', 'memory', 'pids'].filter((controller) => !cgroup.controllers.includes(controller))
  if (missing.length) return warning('cgroups', `version ${cgroup.version}, without ${missing.join(', ')}: those limits cannot be set`, 'enable the controllers (kernel parameter cgroup_enable=..., or delegation by systemd)')
  if (!cgroup.swapAccounting) return warning('cgroups', `version ${cgroup.version}; swap is not accounted`, 'boot with swapaccount=1')
  return ok('cgroups', `version ${cgroup.version}: ${cgroup.controllers.join(' ')}`)
}

const storage = (engine: Engine): Promise<Finding> => attempt('storage', async () => {
  const opened = await engine.storage()
  const reason = await opened.overlayProblem()
  if (reason && opened.driver === 'overlay') throw new Failure('unsupported', `overlay below ${engine.paths.root}: ${reason}`, { hint: 'use the driver vfs (--storage-driver vfs), or another --root' })
  return `${opened.driver} below ${engine.paths.root}${reason ? ` (no overlay: ${reason})` : ''}`
})

const network = (engine: Engine): Promise<Finding> => attempt('network', async () => {
  const networks = await engine.networks()
  const status = await networks.status()
  if (!status.ready) throw new Failure('unsupported', status.message ?? 'not ready', { hint: 'apt install containernetworking-plugins' })
  return `${status.network ?? 'default'} ready, plugins in ${engine.config.network.cniPluginDirs.filter((dir) => existsSync(dir)).join(', ')}`
})

const program = (name: string, why: string, remedy: string): Finding => {
  const path = findProgram(name)
  return path ? ok(name, path) : problem(name, `not found: ${why}`, remedy)
}

const seccomp = (): Finding => (existsSync('/proc/sys/kernel/seccomp')
  ? ok('seccomp', 'filters available')
  : warning('seccomp', 'the kernel has no seccomp filters: containers run without a profile', 'use a kernel with CONFIG_SECCOMP_FILTER'))

function apparmor(): Finding {
  const loaded = gatherHostFacts({ devices: false, selinux: false }).apparmor?.loadedProfiles
  if (!loaded) return ok('apparmor', 'off')
  return loaded.includes(DEFAULT_PROFILE) || apparmorParser()
    ? ok('apparmor', `on, containers run under ${DEFAULT_PROFILE}`)
    : warning('apparmor', 'on, but nothing here loads profiles: containers run without one', 'apt install apparmor')
}

function limits(): Finding {
  return boundingCapabilities().includes('SYS_RESOURCE') ? ok('limits', 'rlimits can be raised') : warning('limits', 'no CAP_SYS_RESOURCE: rlimits and OOM scores are kept within this process’s own', 'run scow outside of a restricted container')
}

function forwarding(): Finding {
  try {
    const on = readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8').trim() === '1'
    return ok('ip_forward', on ? 'on' : 'off; the first bridge network turns it on')
  } catch {
    return warning('ip_forward', 'cannot be read', 'check that /proc is mounted')
  }
}
