import { createInterface } from 'node:readline'
import type { Output } from '../cli/output.ts'

/** Asks before something is removed; without a terminal on both ends the answer is taken from standard input. */
export async function confirm(out: Output, warning: string): Promise<boolean> {
  out.write(`${warning}\nAre you sure you want to continue? [y/N] `)
  const reader = createInterface({ input: process.stdin })
  try {
    for await (const line of reader) return /^y(es)?$/i.test(line.trim())
    return false
  } finally {
    reader.close()
  }
}
