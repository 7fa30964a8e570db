import { watch } from '../sys/addon.ts'

/** Whether a descriptor (no regular file) has something to read, or its end, within so many milliseconds. */
export const whenReadable = (fd: number, patienceMs: number): Promise<boolean> => new Promise((resolve) => {
  const end = (found: boolean): void => {
    clearTimeout(timer)
    stop()
    resolve(found)
  }
  const timer = setTimeout(() => end(false), patienceMs)
  const stop = watch(fd, { events: 'read' }, () => end(true))
})
