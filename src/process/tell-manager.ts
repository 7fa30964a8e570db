// What a service tells the manager that started it: sd_notify(3).
import { sendDatagram } from '../sys/addon.ts'

const WORDS = {
  ready: () => 'READY=1',
  reloading: () => `RELOADING=1\nMONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`,
  stopping: () => 'STOPPING=1',
} as const

/**
 * @param socket NOTIFY_SOCKET: a path, or "@" and a name; undefined: nobody wants to know
 * @throws an error as fs does
 */
export function tellManager(socket: string | undefined, what: keyof typeof WORDS): void {
  if (socket !== undefined) sendDatagram(socket, Buffer.from(WORDS[what]()))
}
