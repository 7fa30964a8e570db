import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

export interface Disks {
  readonly vmlinuz: string
  readonly initrd: string
  /** A qcow2 over the base image: what a machine writes stays for its next boot. */
  readonly root: string
  readonly work: string
}

export interface Machine {
  /** Waits until what the guest's tests print matches; rejects when the machine ends before, or after `timeoutMs`. */
  sees(pattern: RegExp, timeoutMs: number): Promise<RegExpExecArray>
  output(): string
  /** The power goes: nothing is flushed. */
  cut(): Promise<void>
  /** Waits until the guest has switched itself off. */
  ended(): Promise<void>
}

interface BootOptions {
  readonly disks: Disks
  /** The guest reads it from its kernel's command line. */
  readonly phase: string
  readonly console: string
  readonly show?: boolean
}

/** Boots a machine by software emulation: two processors, 3 GiB, no network. */
export function boot({ disks, phase, console: consoleFile, show = true }: BootOptions): Machine {
  const child = spawn('qemu-system-x86_64', [
    '-accel', 'tcg,thread=multi', '-cpu', 'max', '-smp', '2', '-m', '3G', '-display', 'none', '-monitor', 'none', '-no-reboot', '-nic', 'none',
    '-kernel', disks.vmlinuz, '-initrd', disks.initrd,
    '-append', `root=/dev/vda rw console=ttyS0 quiet mitigations=off scow.phase=${phase}`,
    '-drive', `file=${disks.root},format=qcow2,if=virtio`, '-drive', `file=${disks.work},format=raw,if=virtio`,
    '-serial', `file:${consoleFile}`, '-serial', 'stdio',
  ], { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    text += piece.replaceAll('\r', '')
    if (show) process.stdout.write(piece.replaceAll('\r', ''))
  })
  const exited = once(child, 'exit')
  const sees = (pattern: RegExp, timeoutMs: number) => new Promise<RegExpExecArray>((resolve, reject) => {
    const stop = (act: () => void) => { clearInterval(timer); clearTimeout(limit); act() }
    const timer = setInterval(() => {
      const found = pattern.exec(text)
      if (found) stop(() => resolve(found))
      else if (child.exitCode !== null) stop(() => reject(new Error(`the machine ended before it said ${pattern}; its console is in ${consoleFile}`)))
    }, 50)
    const limit = setTimeout(() => stop(() => reject(new Error(`the machine did not say ${pattern} in ${timeoutMs / 1000} s; its console is in ${consoleFile}`))), timeoutMs)
  })
  return {
    sees, output: () => text,
    cut: async () => { child.kill('SIGKILL'); await exited },
    ended: async () => { await exited },
  }
}

/** A disk of a machine over the base image, fresh. */
export function freshRoot(base: string, file: string): string {
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', base, '-F', 'raw', file])
  return file
}

/** An ext4 disk with everything below `folder`. */
export function makeDisk(folder: string, file: string, size: string): string {
  execFileSync('mke2fs', ['-q', '-t', 'ext4', '-d', folder, file, size])
  return file
}

export const diskFiles = (base: string) => ({ vmlinuz: join(base, 'vmlinuz'), initrd: join(base, 'initrd.img'), base: join(base, 'root.img') })
