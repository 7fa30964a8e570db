// The AppArmor profile that containers have unless they name another, and how it gets into the kernel.
import { existsSync } from 'node:fs'
import { log } from '../log.ts'
import { findProgram } from '../process/find-program.ts'
import { runProgram } from '../process/run-program.ts'
import type { HostFacts } from '../spec/host-facts.ts'

/** The one that comes with the program; another in containers.conf is the administrator's to load. */
export const DEFAULT_PROFILE = 'scow-default'

type Apparmor = NonNullable<HostFacts['apparmor']>

const SECURITY_DIR = '/sys/kernel/security/apparmor'
const LOAD_MS = 30_000

/** The parser that loads profiles; without it there is no profile. */
export const apparmorParser = (): string | undefined => findProgram('apparmor_parser')

/**
 * The host's AppArmor with `wanted` loaded if it is the default profile and can be: it stays in the kernel until the next
 * boot. Loading twice at once does no harm. What can't be loaded is a warning: the container then runs without it.
 */
export async function withDefaultProfile(apparmor: Apparmor, wanted: string): Promise<Apparmor> {
  if (wanted !== DEFAULT_PROFILE || apparmor.loadedProfiles.includes(wanted) || !existsSync(SECURITY_DIR)) return apparmor
  const parser = apparmorParser()
  if (!parser) return apparmor
  const { code, stderr } = await runProgram(parser, ['--skip-cache', '--replace'], { input: PROFILE, timeoutMs: LOAD_MS })
  if (code === 0) return { loadedProfiles: [...apparmor.loadedProfiles, wanted] }
  log.warn(`the AppArmor profile ${wanted} cannot be loaded, containers run without it: ${stderr.toString().trim().split('\n').at(-1) ?? ''}`)
  return apparmor
}

/**
 * A second wall behind capabilities, seccomp and read-only mounts: no mounting, no writing to what of /proc and /sys steers
 * the whole kernel (settings of the container's own namespaces stay open). Signals come from outside and from the
 * container's own processes, tracing from those alone.
 */
const PROFILE = `profile ${DEFAULT_PROFILE} flags=(attach_disconnected,mediate_deleted) {
  capability,
  dbus,
  file,
  network,
  umount,
  unix,
  deny mount,

  ptrace peer=${DEFAULT_PROFILE},
  signal peer=${DEFAULT_PROFILE},
  signal receive peer=unconfined,
  # Where the host confines those who send them.
  signal receive peer=runc,
  signal receive peer=crun,
  signal receive peer=conmon,

  deny /proc/{kcore,kmem,mem,sysrq-trigger} rwkl,
  deny /proc/{acpi,bus,fs,irq,scsi,tty}/** w,
  deny /proc/{mtrr,timer_list,sched_debug,latency_stats} w,
  deny /proc/sys/{abi,crypto,debug,dev,user,vm}/** w,
  deny /proc/sys/fs/{aio*,binfmt_misc/**,dentry*,epoll/**,file*,inode*,inotify/**,lease*,nr_open,overflow*,pipe*,protected*,suid*,verity/**} w,
  deny /proc/sys/kernel/{acct,bpf*,cad_pid,core*,ctrl-alt-del,dmesg*,firmware*/**,ftrace*,hotplug,hung*,io_uring*,kexec*,keys/**,kptr*} w,
  deny /proc/sys/kernel/{mod*,nmi*,numa*,oops*,overflow*,panic*,perf*,poweroff*,printk*,pty/**,random*,random/**,sched*,soft*,stack*,sysctl*,sysrq} w,
  deny /proc/sys/kernel/{tainted,task*,threads-max,timer*,traceoff*,unknown*,unprivileged*,usermodehelper/**,warn*,watchdog*,yama/**} w,
  deny /sys/{block,bus,class,dev,devices,firmware,hypervisor,kernel,module,power}/** w,
  deny /sys/fs/{bpf,btrfs,ext4,f2fs,fuse,pstore,resctrl,selinux,smackfs,xfs}/** w,
  deny /sys/kernel/security/** r,
}
`
