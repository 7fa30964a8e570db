// What a test hears of warnings and other lines for people.
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

/** What is written to standard error while `act` runs; nothing of it comes out. */
export function toldWhile(act: () => void): string {
  const { writeSync } = fs
  let text = ''
  fs.writeSync = ((fd: number, data: Uint8Array, ...rest: []) => {
    if (fd !== 2) return writeSync(fd, data, ...rest)
    text += Buffer.from(data).toString()
    return data.length
  }) as typeof writeSync
  syncBuiltinESMExports()
  try {
    act()
  } finally {
    fs.writeSync = writeSync
    syncBuiltinESMExports()
  }
  return text
}
