// What tests ask the kernel about a container of the CRI server.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Cri } from '../../cri/cri.ts'
import { NamespaceMode } from '../../../src/cri/wire/generated/runtime-v1.ts'

/** A pod whose containers have a process table each. */
export const ALONE = { linux: { securityContext: { namespaceOptions: { pid: NamespaceMode.CONTAINER } } } }
export const MIB = 2 ** 20

/** What a shell command says inside, on both streams. */
export async function inside(cri: Cri, containerId: string, command: string): Promise<string> {
  const { stdout, stderr } = await cri.runtime.execSync({ containerId, cmd: ['sh', '-c', command] })
  return `${stdout}${stderr}`
}

export async function pidOf(cri: Cri, containerId: string): Promise<number> {
  const { info } = await cri.runtime.containerStatus({ containerId, verbose: true })
  return (JSON.parse(info['info']!) as { pid: number }).pid
}

/** Of a process, below /sys/fs/cgroup. */
export const cgroupOf = (pid: number): string => /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))![1]!

export const cgroupFile = (group: string, file: string): string => readFileSync(join('/sys/fs/cgroup', group, file), 'utf8').trim()
