// Capabilities of Linux, as users and the OCI specification write them: capabilities(7).

/** Names by kernel number (include/uapi/linux/capability.h), without CAP_. */
export const CAPABILITIES: readonly string[] = ('CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE '
  + 'NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT '
  + 'SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM '
  + 'BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE').split(' ')

export const DEFAULT_CAPABILITIES: readonly string[] =
  'CHOWN DAC_OVERRIDE FOWNER FSETID KILL NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID SYS_CHROOT'.split(' ')

/** Without CAP_, in capitals; `ALL` stays. undefined: no kernel knows it. */
export function capabilityName(text: string): string | undefined {
  const name = text.trim().toUpperCase().replace(/^CAP_/, '')
  return name === 'ALL' || CAPABILITIES.includes(name) ? name : undefined
}
