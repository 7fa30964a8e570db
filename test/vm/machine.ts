// A virtual machine under software emulation: two processors, 3 GiB, no network; what it has to say comes as lines of
// JSON over a virtual serial port.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { patience } from '../support/patience.ts'
import type { Disks } from './disks.ts'
import type { Report } from './guest/report.ts'

export interface Machine {
  /** What the guest reports, as it comes, until it is off. Throws when the time is over. */
  reports(): AsyncIterable<Report>
  /** Waits for a report of this kind and name. */
  mark(name: string): Promise<void>
  /** The power goes: whatever the guest has not synced is lost. */
  cut(): Promise<void>
  /** The last lines of its console. */
  console(): string
}

export interface BootOptions {
  readonly disks: Disks
  /** What the guest is to do: a word of guest.sh. */
  readonly job: string
  /** More words of the kernel's command line. */
  readonly kernelArgs?: string
  /** From power on to power off; multiplied by the host's `SCOW_TEST_PATIENCE`. */
  readonly minutes: number
}

const CONSOLE_CHARS = 6000

/**
 * What the emulator translated is found again by its address: without random ones, each program is translated once and not
 * each time that it starts. Timer and clock would be tested while the host does something else.
 */
const EMULATED = 'norandmaps no_timer_check tsc=reliable mitigations=off'

export function boot({ disks, job, minutes: usual, kernelArgs = '' }: BootOptions): Machine {
  const minutes = usual * patience
  const consoleFile = join(disks.dir, 'console.log')
  // Whatever ends this process ends the machine.
  const child = spawn('setpriv', [
    '--pdeathsig', 'KILL', 'qemu-system-x86_64', '-accel', 'tcg,thread=multi', '-cpu', 'max,la57=off,svm=off', '-smp', '2', '-m', '3G', '-nodefaults', '-display', 'none', '-no-reboot', '-nic', 'none',
    '-kernel', disks.kernel, '-initrd', disks.initrd,
    '-append', `root=/dev/vda rw console=ttyS0 panic=-1 ${EMULATED} systemd.show_status=0 modprobe.blacklist=ata_piix,kvm_amd,powernow_k8,aesni_intel,ghash_clmulni_intel ${kernelArgs} scow.job=${job}`,
    '-drive', `file=${disks.system},format=qcow2,if=virtio`, '-drive', `file=${disks.work},format=raw,if=virtio,readonly=on`,
    '-serial', `file:${consoleFile}`,
    '-device', 'virtio-serial', '-chardev', 'stdio,id=report,signal=off', '-device', 'virtserialport,chardev=report,name=scow.report',
    // With its input at the end, qemu would hang up the port and the guest would wait for it.
  ], { stdio: ['pipe', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  const began = Date.now()
  const say = (what: string) => { console.error(`vm: ${job.slice(0, 60)}: ${what} after ${Math.round((Date.now() - began) / 1000)} s`) }
  let late = false
  const timer = setTimeout(() => { late = true; child.kill('SIGKILL') }, minutes * 60_000)
  void exited.finally(() => clearTimeout(timer))
  const consoleTail = () => (existsSync(consoleFile) ? readFileSync(consoleFile, 'utf8').replaceAll('\r', '').slice(-CONSOLE_CHARS) : '')
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const parse = (line: string): Report => {
    const report = JSON.parse(line) as Report
    if (report.mark === 'begun') say('up')
    return report
  }
  async function* reports(): AsyncGenerator<Report> {
    for (let line = await lines.next(); !line.done; line = await lines.next()) yield parse(line.value)
    await exited
    say('off')
    if (late) throw new Error(`the machine was not off after ${minutes} minutes; its console:\n${consoleTail()}`)
  }
  const mark = async (name: string) => {
    for (let line = await lines.next(); !line.done; line = await lines.next()) if (parse(line.value).mark === name) return
    throw new Error(`the machine ended${late ? `, after ${minutes} minutes,` : ''} before '${name}'; its console:\n${consoleTail()}`)
  }
  return { reports, mark, console: consoleTail, cut: async () => { child.kill('SIGKILL'); await exited } }
}
