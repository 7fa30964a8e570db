import { makeRaw, restoreTerminal } from '../sys/addon.ts'

/** Puts the terminal `fd` into raw mode: each key and each byte goes through as it is. @returns what restores it; idempotent */
export function rawTerminal(fd: number): () => void {
  const saved = makeRaw(fd)
  let raw = true
  const restore = (): void => {
    if (!raw) return
    raw = false
    try {
      restoreTerminal(fd, saved)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EIO') throw error // hung up: its window is closed
    }
  }
  process.once('exit', restore)
  return restore
}
