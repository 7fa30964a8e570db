// The end of a log file, read backwards.
import { closeSync, fstatSync, readSync } from 'node:fs'
import { CHUNK_BYTES, MAX_LINE_BYTES, NEWLINE, openLog } from './log-reader.ts'

/**
 * Where the last `wanted` complete lines begin. `missing`: how many more an older file would have to give.
 * @param count is told each line, the last first, with the place behind it @returns the places behind those that it now counts
 */
export function tailOffset(path: string, wanted: number, count: (line: Buffer, behind: number) => readonly number[]): { offset: number; missing: number } {
  const fd = openLog(path)
  // Rotation has just removed it.
  if (fd === undefined) return { offset: 0, missing: wanted }
  try {
    let end = fstatSync(fd).size
    let found = 0
    let rest: Buffer = Buffer.alloc(0)
    while (end > 0) {
      const start = Math.max(0, end - CHUNK_BYTES)
      const chunk = Buffer.alloc(end - start)
      readSync(fd, chunk, 0, chunk.length, start)
      const data = Buffer.concat([chunk, rest])
      let lineEnd = data.length
      for (let at = data.lastIndexOf(NEWLINE, data.length - 1); at >= 0; at = at > 0 ? data.lastIndexOf(NEWLINE, at - 1) : -1) {
        const line = data.subarray(at + 1, lineEnd)
        // The one before the first wanted: partial lines between belong to the wanted one.
        for (const behind of line.length ? count(line, start + lineEnd + 1) : []) if (++found > wanted) return { offset: behind, missing: 0 }
        lineEnd = at
      }
      // Endless bytes without a newline are no line: only their beginning will be looked at.
      rest = lineEnd > MAX_LINE_BYTES ? Buffer.alloc(0) : Buffer.from(data.subarray(0, lineEnd))
      end = start
    }
    for (const behind of rest.length ? count(rest, rest.length + 1) : []) if (++found > wanted) return { offset: behind, missing: 0 }
    return { offset: 0, missing: Math.max(0, wanted - found) }
  } finally {
    closeSync(fd)
  }
}
