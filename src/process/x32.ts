// x86's third kind of system calls: 64-bit registers, 32-bit pointers. Nearly all kernels are built without.
import { runsX32 } from '../sys/addon.ts'

/** @param ownStatus /proc/self/status. True also where asking could end us: a seccomp filter of whoever started us may kill for it. */
export const mayRunX32 = (ownStatus: string): boolean => !/^Seccomp:\s*0$/m.test(ownStatus) || runsX32()
