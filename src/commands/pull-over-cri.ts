// A pull by a runtime, and on a terminal a line that says how far it is.
import { humanSize } from '../cli/human.ts'
import { isTerminal } from '../cli/output.ts'
import { writeAll } from '../write-all.ts'
import type { Connection } from '../cri/client/connection.ts'
import type { Pull } from '../cri/client/pull.ts'
import type { Progress } from '../cri/client/pull-progress.ts'

const REDRAW_MS = 500
const LINE_AGAIN = '\r\x1b[K'

/** @returns what the runtime calls the image. @throws what `pullImage` throws */
export async function pullOverCri(images: Connection, pull: Pull, { isQuiet = false }: { readonly isQuiet?: boolean } = {}): Promise<string> {
  const { pullImage } = await import('../cri/client/pull.ts')
  if (isQuiet || !isTerminal(2)) return pullImage(images, pull)
  const { watchPull } = await import('../cri/client/pull-progress.ts')
  const watch = await watchPull(images)
  const began = Date.now()
  let isOver = false
  const draw = (progress: Progress | undefined): void => {
    if (!isOver) say(`${LINE_AGAIN}Pulling ${pull.image}: ${Math.round((Date.now() - began) / 1000)} s${described(progress)}`)
  }
  const timer = setInterval(() => void watch.look().catch(() => undefined).then(draw), REDRAW_MS)
  try {
    return await pullImage(images, pull)
  } finally {
    isOver = true
    clearInterval(timer)
    watch.close()
    say(LINE_AGAIN)
  }
}

/** A terminal that is gone does not end a pull. */
function say(text: string): void {
  try { writeAll(2, text) } catch { /* nobody reads it */ }
}

function described(progress: Progress | undefined): string {
  if (progress === undefined || progress.of === 0) return ''
  const { bytes, of, isUnpacking } = progress
  if (of === undefined) return `, ${humanSize(bytes)} more on disk`
  return isUnpacking ? `, ${humanSize(bytes)} fetched, unpacking` : `, ${humanSize(bytes)} of ${humanSize(of)}`
}
