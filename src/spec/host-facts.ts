// What the generator must know of the machine. Gathered by the engine, so that spec/ stays pure.
import type { DeviceNode } from './devices.ts'
import type { Rlimit } from './request.ts'

export interface HostFacts {
  /** Go's name of the architecture, as in images: amd64, arm64, arm, 386, riscv64, ppc64le, s390x. */
  readonly architecture: string
  readonly kernel: { readonly major: number; readonly minor: number }
  readonly cgroup: {
    readonly version: 1 | 2
    /** Controllers that may be used here: cpu cpuset memory pids blkio (v1) or io (v2) hugetlb devices rdma. */
    readonly controllers: readonly string[]
    /** False where memory.memsw.limit_in_bytes (v1) or memory.swap.max (v2) is missing. */
    readonly swapAccounting: boolean
    /** False where no I/O scheduler knows weights; absent where nobody asked for them, or it isn't known. */
    readonly blockWeights?: boolean
  }
  /** Not root on the host, or root of a user namespace only. */
  readonly rootless: boolean
  /** Capabilities of the caller's bounding set, without CAP_: `capabilitiesOfMask` reads the hex of /proc/self/status. */
  readonly boundingCapabilities: readonly string[]
  /** The caller's own limits by name (RLIMIT_NOFILE, ...); the hard one is the ceiling unless CAP_SYS_RESOURCE is held. */
  readonly rlimits: readonly Rlimit[]
  /** The caller's own oom_score_adj: it can't be lowered without CAP_SYS_RESOURCE. */
  readonly oomScoreAdj: number
  /** Absent where AppArmor is off. */
  readonly apparmor?: { readonly loadedProfiles: readonly string[] }
  readonly selinux: boolean
  readonly seccomp: boolean
  /** The kernel has the system calls of x86's x32 ABI, or it isn't known. */
  readonly x32: boolean
  /** Everything under /dev, only needed for privileged containers. */
  readonly devices: readonly DeviceNode[]
  /** As the kernel's directories say them: 2MB, 1GB. */
  readonly hugepageSizes: readonly string[]
  /** The kernel's own /proc/self/ns/cgroup. */
  readonly cgroupNamespaces: boolean
  /** What the chosen OCI runtime can do. */
  readonly runtime: {
    /** The newest ociVersion that the runtime takes; 1.0.2 when unknown. */
    readonly ociVersion: string
    /** Mount options that it knows (`runc features`); absent when it can't say. */
    readonly mountOptions?: readonly string[]
    readonly idmappedMounts: boolean
  }
}
